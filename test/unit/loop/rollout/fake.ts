/** A stack in a folder, a target that only remembers what it was brought to, and measurements that say what they are told. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { RolloutRun, type Measuring, versionsOf } from '../../../../src/loop/rollout/run.ts'
import { type AskedRollout, rolloutOf } from '../../../../src/loop/rollout/start.ts'
import { readRollout, writeRollout } from '../../../../src/loop/rollout/state.ts'
import type { RowVerdict } from '../../../../src/loop/rollout/judge.ts'
import type { Verdict } from '../../../../src/recording/run.ts'
import { loadStack } from '../../../../src/stack/load.ts'
import type { Split, Stack } from '../../../../src/stack/stack.ts'
import type { Observed, ReplicaState, StackTarget, Step } from '../../../../src/targets/target.ts'
import { type FakeRuntime, fakeRuntime } from '../../../cli/fake-runtime.ts'

export const yaml = `# mine
name: roll
target: local
tiers:
  embed: { component: tei, model: BAAI/bge-small-en-v1.5, replicas: 2, image: tei:1 } # keep this
workload: { rate: 40/s }
slo:
  embed: { p95: 200ms }
`

/** Whoever is killed does nothing more, not even tidying up. */
export class Killed extends Error {}

/** What runs: the image of both versions, and the share of the second. */
export interface Runs {
  readonly current: string
  readonly next: { readonly image: string; readonly replicas: number; readonly share: number } | null
}

export interface Rig {
  readonly folder: string
  readonly runtime: FakeRuntime
  readonly runs: () => Runs
  /** Everything that it was brought to, one after another. */
  readonly history: Runs[]
  /** A rollout as asked, from its beginning. */
  begin(asked?: Partial<AskedRollout>): Promise<RolloutRun>
  /** The one on the disk, in another process. */
  again(): Promise<RolloutRun>
  file(): Promise<string>
  /** Called before every effect with its number, from 1: throws to end the process there. */
  beforeEffect: (effect: number) => void
  effects: number
  verdicts: RowVerdict[]
  loadTest: Verdict
  /** The next version never becomes healthy. */
  sick: boolean
  readonly abort: AbortController
  remove(): Promise<void>
}

const settings: AskedRollout['settings'] = {
  rate: null,
  tolerance: 0.1,
  errorTolerance: 0.005,
  maxWaitMs: 60_000,
  durationMs: 60_000,
  soakMs: 0,
  keep: false,
  timeoutMs: 60_000,
}

export async function rigOf(): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-rollout-'))
  await writeFile(join(folder, 'ragscale.yaml'), yaml)
  const runtime = fakeRuntime({ cwd: folder })
  let applied: Runs = { current: 'tei:1', next: null }
  const effect = (): void => rig.beforeEffect(++rig.effects)
  const observed = (): Observed => ({
    running: true,
    replicas: Array.from({ length: applied.next?.replicas ?? 0 }, (_, index) =>
      replicaOf(index + 1, rig.sick),
    ),
    notes: [],
    kept: [],
  })
  const target: StackTarget = {
    name: 'local',
    rollout: { refusal: () => null },
    observe: async () => observed(),
    plan: (stack) => {
      const wanted = runsOf(stack)
      return isDeepStrictEqual(wanted, applied)
        ? []
        : [{ what: 'bring', because: 'it is asked for', tier: 'embed', wanted } as Step]
    },
    planDown: () => [],
    execute: async (steps) => {
      for (const step of steps) {
        effect()
        applied = (step as Step & { wanted: Runs }).wanted
        rig.history.push(applied)
      }
      effect()
    },
    endpoints: () => ({}),
    sample: async () => [],
    logs: async function* () {},
    lock: async () => ({ release: async () => {} }),
  }
  const measuring: Measuring = {
    compare: async ({ state }) => {
      effect()
      return {
        share: state.shares[state.step] ?? 100,
        verdict: rig.verdicts[state.step] ?? 'as good',
        seconds: 60,
        looks: 1,
        requests: { current: 100, next: 100 },
        ratePerReplica: 20,
        moreSamples: 4,
        rows: [],
      }
    },
    loadAlone: async () => {
      effect()
      return { id: 'a-run', verdict: rig.loadTest, verdictBecause: [] }
    },
  }
  const contextOf = () => ({
    measuring,
    runtime,
    target,
    signal: rig.abort.signal,
    say: () => {},
    onProgress: () => {},
    yes: true,
    runsFolder: 'runs',
  })
  const stackOf = async (): Promise<Stack> => await loadStack('ragscale.yaml', { cwd: folder })
  const rig: Rig = {
    folder,
    runtime,
    runs: () => applied,
    history: [],
    begin: async (asked = {}) => {
      const stack = await stackOf()
      const state = await rolloutOf(
        {
          kind: 'canary',
          tier: 'embed',
          version: { image: 'tei:2', set: [] },
          shares: [5, 50, 100],
          ...asked,
          settings: { ...settings, ...asked.settings },
        },
        stack,
        runtime,
      )
      await writeRollout(folder, state)
      return new RolloutRun(contextOf(), versionsOf(state, stack, folder), state)
    },
    again: async () => {
      const state = await readRollout(folder)
      if (state === null) throw new Error('there is no rollout')
      return new RolloutRun(contextOf(), versionsOf(state, await stackOf(), folder), state)
    },
    file: async () => await readFile(join(folder, 'ragscale.yaml'), 'utf8'),
    beforeEffect: () => {},
    effects: 0,
    verdicts: [],
    loadTest: 'pass',
    sick: false,
    abort: new AbortController(),
    remove: async () => await rm(folder, { recursive: true, force: true }),
  }
  return rig
}

function runsOf({ tiers, split }: Stack): Runs {
  return { current: tiers.embed?.image ?? '', next: split === undefined ? null : nextOf(split) }
}

function nextOf({ version, share }: Split): Runs['next'] {
  return { image: version.image ?? '', replicas: version.replicas, share }
}

function replicaOf(number: number, sick: boolean): ReplicaState {
  return {
    name: `embed-next-${number}`,
    tier: 'embed',
    replica: `next-${number}`,
    component: 'tei',
    state: sick ? 'failing' : 'healthy',
    because: sick ? 'exited with code 1' : null,
    url: null,
    pid: null,
    startedAt: null,
    restarts: 0,
    cpuCores: null,
    memoryBytes: null,
    lastLines: [],
  }
}
