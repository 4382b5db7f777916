/** A rollout that is under way: the two stacks, what is known of it on the disk, and how what runs is brought along. */
import { ExitCode, UserError } from '../../errors.ts'
import type { Run } from '../../recording/run.ts'
import type { Runtime } from '../../runtime.ts'
import { readStack } from '../../stack/load.ts'
import { ConfigError } from '../../stack/problems.ts'
import type { Change } from '../../stack/save.ts'
import type { Stack } from '../../stack/stack.ts'
import { byRollout } from '../../targets/rollout.ts'
import type { Observed, Progress, StackTarget } from '../../targets/target.ts'
import { change } from '../change.ts'
import { type RolloutState, type StepRecord, isUnderWay, readRollout, writeRollout } from './state.ts'
import { promoted, splitOf, tierOf } from './version.ts'

/** How the next version is measured; another one in tests. */
export interface Measuring {
  /** A step of a canary. `replicas`: of the next version. */
  compare(run: RolloutRun, observed: Observed, replicas: number): Promise<StepRecord>
  /** Blue-green's load test. */
  loadAlone(run: RolloutRun): Promise<Pick<Run, 'id' | 'verdict' | 'verdictBecause'>>
}

export interface RolloutContext {
  readonly measuring: Measuring
  readonly runtime: Runtime
  readonly target: StackTarget
  /** Ctrl-C. */
  readonly signal: AbortSignal
  readonly say: (text: string) => void
  readonly onProgress: (progress: Progress) => void
  /** The user has agreed beforehand to whatever would be asked. */
  readonly yes: boolean
  /** Where runs are kept: of blue-green's load test. */
  readonly runsFolder: string
}

/** Both versions of the stack, from `ragscale.yaml` as it was when the rollout began. */
export interface Versions {
  readonly now: Stack
  readonly next: Stack
}

/** @param at the stack that `--file` names; its text may have changed since */
export function versionsOf(
  state: Pick<RolloutState, 'file' | 'edits'>,
  at: Pick<Stack, 'file' | 'target'>,
  cwd: string,
): Versions {
  const { stack, problems } = readStack(state.file, at.file)
  if (stack === null) throw new ConfigError(at.file, problems)
  const now = { ...stack, target: at.target }
  return { now, next: promoted(state.file, changesOf(state), now, cwd) }
}

/** The file keeps null for a key that is to go. */
export function changesOf({ edits }: Pick<RolloutState, 'edits'>): Change[] {
  return edits.map(({ path, value }) => ({ path, value: value ?? undefined }))
}

export class RolloutRun {
  readonly context: RolloutContext
  readonly versions: Versions
  state: RolloutState
  #agreed: boolean

  constructor(context: RolloutContext, versions: Versions, state: RolloutState) {
    this.context = context
    this.versions = versions
    this.state = state
    this.#agreed = context.yes
  }

  /**
   * Where the stack was taken down meanwhile, nothing of it may come up again.
   * @throws TakenDown
   */
  async assertGoesOn(): Promise<void> {
    const { now } = this.versions
    const state = await readRollout(now.folder)
    if (!isUnderWay(state) || state.startedAt !== this.state.startedAt)
      throw new TakenDown(now.name, this.state.tier)
  }

  /** On the disk before anything is done by it. @throws TakenDown */
  async save(changed: Partial<RolloutState>): Promise<void> {
    await this.assertGoesOn()
    this.state = { ...this.state, ...changed }
    await writeRollout(this.versions.now.folder, this.state)
  }

  /** Replicas of the current version. */
  get replicas(): number {
    return tierOf(this.versions.now, this.state.tier).replicas
  }

  /** Both versions, the next one with a share of the requests. `base`: what else runs. */
  both(replicas: number, share: number, base = this.versions.now): Stack {
    const { now, next } = this.versions
    return splitOf(base, { before: now, next }, this.state.tier, replicas, share)
  }

  /** Whether what runs is a stack already. */
  async isAt(stack: Stack): Promise<boolean> {
    const { target } = this.context
    return target.plan(stack, await target.observe(stack), byRollout).length === 0
  }

  /** Whether every balancer still goes by a stack's shares: one that started anew may have forgotten them. */
  async goBy(stack: Stack): Promise<boolean> {
    const { target } = this.context
    if (target.rollout?.goBy === undefined) return true
    return target.rollout.goBy(await target.observe(stack))
  }

  /**
   * Brings what runs to a stack.
   * @throws UserError: exit 4 when a replica of the tier is not healthy in the end; 130 when interrupted
   */
  async bring(stack: Stack): Promise<Observed> {
    const { runtime, target, onProgress } = this.context
    const { observed } = await change(
      {
        stack,
        target,
        what: byRollout,
        plan: (found) => target.plan(stack, found, byRollout),
        dryRun: false,
        // Asked once, before the first change.
        yes: this.#agreed,
        timeoutMs: this.state.settings.timeoutMs,
        onProgress,
        assertAllowed: async () => await this.assertGoesOn(),
      },
      runtime,
    )
    this.#agreed = true
    const sick = sickOf(observed, this.state.tier)
    if (sick.length > 0) throw unhealthy(sick)
    return observed
  }
}

/** By `ragscale down`, which forgets the rollout. */
export class TakenDown extends UserError {
  constructor(stack: string, tier: string) {
    super(`${stack} was taken down meanwhile, and the rollout of ${tier} with it`, {
      hint: 'ragscale up   brings up what ragscale.yaml says',
      exitCode: ExitCode.unhealthy,
      code: 'not-running',
    })
    this.name = 'TakenDown'
  }
}

/** Replicas of a tier that are not healthy, in words. */
export function sickOf(observed: Observed, tier: string): string[] {
  return observed.replicas
    .filter((replica) => replica.tier === tier && replica.state !== 'healthy')
    .map(({ name, state, because }) => `${name} is ${state}${because === null ? '' : ` (${because})`}`)
}

/** Of a balancer that started anew while its shares were measured. */
export function forgetful(): UserError {
  return new UserError('a balancer started anew while it was measured, and did not go by the shares', {
    hint: 'ragscale logs balancer',
    exitCode: ExitCode.unhealthy,
    code: 'balancer',
  })
}

function unhealthy(sick: readonly string[]): UserError {
  return new UserError(sick.join(', '), {
    hint: 'ragscale logs shows why',
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}
