/** What to do to come from what runs to what is wanted. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { ProcessStatus, WantedProcess } from '../../supervision.ts'
import { cleanUp } from './plan-down.ts'
import type { Places } from './places.ts'
import { planShards } from './plan-vector.ts'
import { type LocalObserved, type LocalStep, type PlannedStep, inWaves, nameOf } from './steps.ts'

export interface Goal {
  readonly stack: string
  /** Whose word the counts are, for the causes: `ragscale.yaml`. */
  readonly by: string
  readonly wanted: readonly WantedProcess[]
  /** Nodes that are not wanted and hold data: they run until the others have taken it over. */
  readonly heirless: readonly WantedProcess[]
  /** Copies of each shard, by collection. */
  readonly replication: Readonly<Record<string, number>>
}

/** @throws UserError (exit 4) when a node is to go and nobody can tell what it holds */
export function planUp(goal: Goal, observed: LocalObserved, places: Places): LocalStep[] {
  const cleaning = cleanUp(observed, places)
  if (observed.supervisor.kind !== 'running') {
    return inWaves([...cleaning, ...startAll(goal, observed, places, cleaning.length > 0)])
  }
  const { processes } = observed.supervisor
  const running = new Map(processes.map((process) => [process.wanted.id, process]))
  const changes = goal.wanted.map((process) => changeTo(process, running.get(process.id), goal, processes))
  const surplus = processes.filter(
    ({ wanted: { id }, state }) => state !== 'stopping' && !goal.wanted.some((process) => process.id === id),
  )
  const leaving = surplus.map(({ wanted }) => wanted)
  const shards = planShards(goal, leaving, observed, places)
  return inWaves([
    changes.flatMap((change) => (change?.when === 'together' ? [change.step] : [])),
    // A share of the requests is given to replicas that are there, and taken away before they go.
    changes.flatMap((change) => (change?.when === 'then' ? [change.step] : [])),
    // One after another: a tier of several goes on serving.
    ...changes.flatMap((change) => (change?.when === 'one by one' ? [[change.step]] : [])),
    ...shards.before,
    // The newest first, and balancers after what they balance.
    [...leaving].sort((a, b) => (b.replica ?? 0) - (a.replica ?? 0)).map((process) => stop(process, goal)),
    ...shards.after,
  ])
}

function startAll(
  { stack, by, wanted, heirless }: Goal,
  observed: LocalObserved,
  places: Places,
  again: boolean,
): PlannedStep[][] {
  const supervisor: PlannedStep = {
    kind: 'start-supervisor',
    stack,
    undo: [places.logs, ...(observed.has.data ? [] : [places.data])],
    what: `start the supervisor of ${stack}`,
    because: again ? 'it has to run again' : 'nothing of this stack runs',
    tier: null,
  }
  return [
    [supervisor],
    [
      ...wanted.map((process) => want(process, startWords(process), `${by} asks for it`)),
      ...heirless.map((process) =>
        want(process, startWords(process), 'it holds data that the other nodes have to take over first'),
      ),
    ],
  ]
}

/** Undefined when there is nothing to do. */
function changeTo(
  process: WantedProcess,
  now: ProcessStatus | undefined,
  goal: Goal,
  processes: readonly ProcessStatus[],
): { step: PlannedStep; when: 'together' | 'then' | 'one by one' } | undefined {
  const together = (what: string, because: string) => ({
    step: want(process, what, because),
    when: 'together' as const,
  })
  if (now === undefined) return together(startWords(process), countWords(process, goal, processes))
  if (now.state === 'stopping') return together(startWords(process), 'it is stopping')
  if (!isDeepStrictEqual(now.wanted, process)) {
    const because = `changed: ${differences(now.wanted, process).join(', ')}`
    const isBalancer = process.replica === null
    // A balancer takes up a new configuration while it runs, if it is only that.
    if (isBalancer && isDeepStrictEqual({ ...now.wanted, config: null }, { ...process, config: null })) {
      return { step: want(process, `reconfigure ${nameOf(process)}`, because), when: 'then' }
    }
    return { step: want(process, `replace ${nameOf(process)}`, because), when: 'one by one' }
  }
  if (now.state === 'healthy') return undefined
  const isTrying = now.state === 'failing' || now.state === 'restarting'
  const because = `it is ${now.state}${now.because === null ? '' : `: ${now.because}`}`
  return together(`${isTrying ? 'try again' : 'wait for'} ${nameOf(process)}`, because)
}

function want(process: WantedProcess, what: string, because: string): PlannedStep {
  return { kind: 'want', process, what, because, tier: process.tier }
}

function stop(process: WantedProcess, { wanted, by }: Goal): PlannedStep {
  const asked = count(wanted, process.tier)
  const name = nameOf(process)
  const because =
    process.release === 'next'
      ? `${by} asks for one version of ${process.tier}`
      : asked === 0
        ? `${by} has no tier ${process.tier}`
        : `${by} asks for ${asked} of ${process.tier}`
  return { kind: 'stop', id: process.id, name, what: `stop ${name}`, because, tier: process.tier }
}

function startWords(process: WantedProcess): string {
  return `start ${nameOf(process)}${process.replica === null ? '' : ` (${process.component})`}`
}

function countWords(
  process: WantedProcess,
  { wanted, by }: Goal,
  processes: readonly ProcessStatus[],
): string {
  if (process.replica === null) return `${by} asks for a tier ${process.tier}`
  if (process.release === 'next') return `${by} asks for a second version of ${process.tier}`
  const staying = processes.filter(({ state }) => state !== 'stopping').map((status) => status.wanted)
  const runs = count(staying, process.tier)
  return `${by} asks for ${count(wanted, process.tier)} of ${process.tier}, ${runs} ${runs === 1 ? 'runs' : 'run'}`
}

function count(processes: readonly WantedProcess[], tier: string): number {
  return processes.filter((process) => process.tier === tier && process.replica !== null).length
}

/** Paths of what differs: `config.emulation.overheadMs`. */
function differences(before: unknown, after: unknown, path: readonly string[] = []): string[] {
  if (isDeepStrictEqual(before, after)) return []
  if (!isRecord(before) || !isRecord(after)) return [path.join('.')]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) => differences(before[key], after[key], [...path, key]))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
