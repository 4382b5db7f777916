/** What to do to come from what runs to what is wanted, as data with causes. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { ProcessStatus, WantedProcess } from '../../supervision.ts'
import type { Observed, Step } from '../target.ts'

export type LocalStep = Step &
  (
    | {
        readonly kind: 'start-supervisor'
        readonly stack: string
        /** What must not be there afterwards when starting is interrupted: folders that did not exist before. */
        readonly undo: readonly string[]
      }
    /** Also replaces: the supervisor ends what runs under that id and is not as wanted. */
    | { readonly kind: 'want'; readonly process: WantedProcess; readonly replaces: boolean }
    | { readonly kind: 'stop'; readonly id: string; readonly name: string }
    | { readonly kind: 'stop-supervisor' }
    | { readonly kind: 'kill-supervisor'; readonly pid: number }
    | { readonly kind: 'remove'; readonly path: string }
  ) & {
    /** Steps of one wave are done together, one wave after another. */
    readonly wave: number
  }

/** The supervisor of a stack, as it was found. */
export type FoundSupervisor =
  | { readonly kind: 'none' }
  /** It was killed and left its state behind. */
  | { readonly kind: 'gone'; readonly pid: number }
  /** It runs and does not answer. */
  | { readonly kind: 'silent'; readonly pid: number }
  | { readonly kind: 'running'; readonly pid: number; readonly processes: readonly ProcessStatus[] }

export interface LocalObserved extends Observed {
  readonly supervisor: FoundSupervisor
  /** Folders of ours that hold something. */
  readonly has: { readonly logs: boolean; readonly data: boolean }
}

export interface PlanPlaces {
  readonly folder: string
  readonly stateFile: string
  readonly logs: string
  readonly data: string
}

/** `as`: whose word the counts are, for the causes: `ragscale.yaml`. */
export function planUp(
  stackName: string,
  wanted: readonly WantedProcess[],
  observed: LocalObserved,
  places: PlanPlaces,
  as = 'ragscale.yaml',
): LocalStep[] {
  const cleaning = cleanUp(observed, places)
  const first = cleaning.length
  if (observed.supervisor.kind !== 'running') {
    const because = cleaning.length > 0 ? 'it has to run again' : 'nothing of this stack runs'
    return [
      ...cleaning,
      {
        kind: 'start-supervisor',
        stack: stackName,
        undo: [places.logs, ...(observed.has.data ? [] : [places.data])],
        what: `start the supervisor of ${stackName}`,
        because,
        tier: null,
        wave: first,
      },
      ...wanted.map((process) => start(process, `${as} asks for it`, first + 1)),
    ]
  }
  const running = new Map(observed.supervisor.processes.map((process) => [process.wanted.id, process]))
  const starts: LocalStep[] = []
  const replaced: LocalStep[] = []
  for (const process of wanted) {
    const now = running.get(process.id)
    if (now === undefined || now.state === 'stopping') {
      const runs = now === undefined ? countOf(observed.supervisor.processes, process.tier) : null
      starts.push(start(process, causeOf(process, wanted, runs, as), first))
    } else if (!isDeepStrictEqual(now.wanted, process)) {
      const because = `changed: ${changesOf(now.wanted, process).join(', ')}`
      if (
        process.replica === null &&
        isDeepStrictEqual({ ...now.wanted, config: null }, { ...process, config: null })
      ) {
        starts.push({ ...start(process, because, first), what: `reconfigure ${nameOf(process)}` })
      }
      // One after another: a tier of several goes on serving.
      else replaced.push(replace(process, because, first + 1 + replaced.length))
    } else if (now.state !== 'healthy') {
      const what = now.state === 'failing' || now.state === 'restarting' ? 'try again' : 'wait for'
      const because = `it is ${now.state}${now.because === null ? '' : `: ${now.because}`}`
      starts.push({ ...start(process, because, first), what: `${what} ${nameOf(process)}` })
    }
  }
  const last = first + 1 + replaced.length
  const stops = observed.supervisor.processes
    .filter(
      ({ wanted: { id }, state }) => state !== 'stopping' && !wanted.some((process) => process.id === id),
    )
    // The newest first, and balancers after what they balance.
    .sort((a, b) => (b.wanted.replica ?? 0) - (a.wanted.replica ?? 0))
    .map(({ wanted: process }): LocalStep => {
      const asked = countWanted(wanted, process.tier)
      const because =
        asked === 0 ? `${as} has no tier ${process.tier}` : `${as} asks for ${asked} of ${process.tier}`
      const name = nameOf(process)
      return {
        kind: 'stop',
        id: process.id,
        name,
        what: `stop ${name}`,
        because,
        tier: process.tier,
        wave: last,
      }
    })
  return [...cleaning, ...starts, ...replaced, ...stops]
}

export function planDown(
  observed: LocalObserved,
  places: PlanPlaces,
  options: { readonly volumes: boolean },
): LocalStep[] {
  const because = 'ragscale down'
  const steps = cleanUp(observed, places)
  if (observed.supervisor.kind === 'running') {
    const count = observed.supervisor.processes.length
    const what = `stop ${count === 1 ? 'its one process' : `its ${count} processes`} and their supervisor`
    steps.push({ kind: 'stop-supervisor', what, because, tier: null, wave: 0 })
  }
  const wave = steps.length
  if (observed.has.logs) {
    steps.push({ kind: 'remove', path: places.logs, what: 'remove the logs', because, tier: null, wave })
  }
  if (observed.has.data && options.volumes) {
    const cause = 'ragscale down --volumes'
    steps.push({
      kind: 'remove',
      path: places.data,
      what: 'remove the stored vectors',
      because: cause,
      tier: null,
      wave,
    })
  }
  return steps
}

/** What a supervisor that was killed, or hangs, left behind. */
function cleanUp({ supervisor }: LocalObserved, places: PlanPlaces): LocalStep[] {
  if (supervisor.kind !== 'gone' && supervisor.kind !== 'silent') return []
  const remove = (because: string, wave: number): LocalStep => ({
    kind: 'remove',
    path: places.stateFile,
    what: 'remove what it left behind',
    because,
    tier: null,
    wave,
  })
  if (supervisor.kind === 'gone') return [remove(`its supervisor (process ${supervisor.pid}) was killed`, 0)]
  const because = `it runs (process ${supervisor.pid}) and does not answer`
  return [
    {
      kind: 'kill-supervisor',
      pid: supervisor.pid,
      what: 'kill the supervisor',
      because,
      tier: null,
      wave: 0,
    },
    remove('its supervisor is killed', 1),
  ]
}

function start(process: WantedProcess, because: string, wave: number): LocalStep {
  const what = `start ${nameOf(process)}${process.replica === null ? '' : ` (${process.component})`}`
  return { kind: 'want', process, replaces: false, what, because, tier: process.tier, wave }
}

function replace(process: WantedProcess, because: string, wave: number): LocalStep {
  return {
    kind: 'want',
    process,
    replaces: true,
    what: `replace ${nameOf(process)}`,
    because,
    tier: process.tier,
    wave,
  }
}

/** As users see it: a balancer's id is its tier's name, for the sake of its address. */
export function nameOf({ id, tier, replica }: Pick<WantedProcess, 'id' | 'tier' | 'replica'>): string {
  return replica === null ? `${tier}-balancer` : id
}

function causeOf(
  process: WantedProcess,
  wanted: readonly WantedProcess[],
  runs: number | null,
  as: string,
): string {
  if (runs === null) return 'it is stopping'
  if (process.replica === null) return `${as} asks for a tier ${process.tier}`
  return `${as} asks for ${countWanted(wanted, process.tier)} of ${process.tier}, ${runs} ${runs === 1 ? 'runs' : 'run'}`
}

function countWanted(wanted: readonly WantedProcess[], tier: string): number {
  return wanted.filter((process) => process.tier === tier && process.replica !== null).length
}

function countOf(processes: readonly ProcessStatus[], tier: string): number {
  return countWanted(
    processes.filter(({ state }) => state !== 'stopping').map((process) => process.wanted),
    tier,
  )
}

/** Paths of what differs: `config.emulation.overheadMs`. */
function changesOf(before: unknown, after: unknown, path: readonly string[] = []): string[] {
  if (isDeepStrictEqual(before, after)) return []
  if (!isRecord(before) || !isRecord(after)) return [path.join('.')]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) => changesOf(before[key], after[key], [...path, key]))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
