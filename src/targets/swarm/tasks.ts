/** Tasks as replicas: the newest of each slot, with what became of those before it. Pure. */
import { nextOf } from '../../catalog/releases.ts'
import { replicaName } from '../compose/wanted.ts'
import { tierLabel, workloadLabel, replicaLabel } from '../docker/containers.ts'
import type { ReplicaState } from '../target.ts'
import type { FoundNode, FoundService, FoundSwarm, FoundTask } from './found.ts'
import type { WantedService } from './model.ts'
import { taskWords } from './words.ts'

/** From so many failures on it does not come up by itself. */
const mostFailures = 3

/** Whoever lived so long had started. */
const settledMs = 120_000

/** What is shown of a task. */
export interface Replica extends ReplicaState {
  readonly service: string
  readonly task: FoundTask
  /** What the swarm says of the newest try, which may be there beside one that runs. */
  readonly newest: string | null
  /** Everything that is remembered of its slot, the newest first. */
  readonly tries: readonly FoundTask[]
  /** The newest of them, one after another, that failed by what the service says now. */
  readonly failures: readonly FoundTask[]
}

/** Those of servers; and of jobs while they have not run to their end. In the order of the services' names. */
export function replicasIn(swarm: FoundSwarm, wanted: readonly WantedService[]): Replica[] {
  const order = (name: string): number => {
    const at = wanted.findIndex((service) => service.name === name)
    return at === -1 ? wanted.length : at
  }
  return [...swarm.services]
    .sort((a, b) => order(a.name) - order(b.name) || a.name.localeCompare(b.name, 'en', { numeric: true }))
    .flatMap((service) => replicasOf(service, swarm, wanted))
}

export function isJob({ mode }: Pick<FoundService, 'mode'>): boolean {
  return mode === 'replicated-job' || mode === 'global-job'
}

/** Whether a task runs what its service says now, and not what it said before. */
export function isCurrent(task: FoundTask, service: FoundService): boolean {
  return (
    task.image === service.image &&
    task.iteration === service.iteration &&
    task.configs.length === service.configs.length &&
    task.configs.every((config) => service.configs.includes(config))
  )
}

/** The tasks of a service by their slots, the newest of each first. */
export function slotsOf(service: FoundService, swarm: FoundSwarm): FoundTask[][] {
  const own = swarm.tasks.filter((task) => task.service === service.id)
  const slots = Map.groupBy(own, ({ slot, node, id }) =>
    isJob(service) && service.mode === 'replicated-job' ? 'job' : String(slot ?? node ?? id),
  )
  return [...slots]
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([, tasks]) => tasks.toSorted((a, b) => b.createdAt - a.createdAt))
}

function replicasOf(service: FoundService, swarm: FoundSwarm, wanted: readonly WantedService[]): Replica[] {
  const nodeLabels = wanted.find(({ name }) => name === service.name)?.nodeLabels ?? []
  const component = wanted.find(({ name }) => name === service.name)?.component ?? service.image
  return slotsOf(service, swarm).flatMap((tasks): Replica[] => {
    const task = shownOf(tasks)
    if (task === undefined || isOver(task, service)) return []
    const failures = failuresOf(tasks, service)
    const failed = failures.filter((one) => one !== task)
    const node = swarm.nodes.find(({ id }) => id === task.node)
    const workload = service.labels[workloadLabel] ?? service.name
    const tier = service.labels[tierLabel] ?? service.name
    const number =
      service.labels[replicaLabel] ?? (service.mode.startsWith('global') ? null : String(task.slot ?? 1))
    const name = nameOf({ workload, tier, number, node, job: isJob(service) })
    const condition = conditionOf(task, failures.length, isJob(service))
    return [
      {
        name,
        tier,
        replica: isJob(service) ? workload : replicaOf(workload, tier, number ?? node?.name ?? '1'),
        component,
        version: /(?:@|:)([^:/@]+(?::[0-9a-f]+)?)$/.exec(service.image)?.[1] ?? null,
        state: condition,
        because: condition === 'healthy' ? null : becauseOf(task, failed, service, swarm.nodes, nodeLabels),
        url: null,
        pid: null,
        startedAt: task.state === 'running' ? task.since : null,
        restarts: tasks.filter((one) => one !== task && isFailure(one)).length,
        cpuCores: null,
        memoryBytes: null,
        lastLines: [],
        service: service.name,
        task,
        newest: tasks[0] === undefined ? null : taskWords(tasks[0], service, swarm.nodes, nodeLabels),
        tries: tasks,
        failures,
      },
    ]
  })
}

/** The newest, one after another, that failed by what the service says now; up to one that ran for a while. */
function failuresOf(tasks: readonly FoundTask[], service: FoundService): FoundTask[] {
  const failures: FoundTask[] = []
  for (const task of tasks) {
    if (!isFailure(task) && !hasEnded(task)) continue
    if (!isFailure(task) || !isCurrent(task, service)) break
    failures.push(task)
    if (task.since - task.createdAt > settledMs) break
  }
  return failures
}

function hasEnded({ state }: FoundTask): boolean {
  return state === 'running' || state === 'shutdown' || state === 'complete'
}

/** While a new one starts beside the old one, the old one is what answers. */
function shownOf(tasks: readonly FoundTask[]): FoundTask | undefined {
  return tasks.find(({ state, desired }) => state === 'running' && desired === 'running') ?? tasks[0]
}

/**
 * It is not meant to run any more, and does not. Of what fails there is a newer task at once, unless its slot is gone;
 * of a job there is none when it has been tried often enough.
 */
function isOver({ state, desired }: FoundTask, service: FoundService): boolean {
  if (isJob(service)) return state === 'complete'
  return !isAlive(state) && (desired === 'shutdown' || desired === 'remove')
}

export function isAlive(state: string): boolean {
  return !['complete', 'shutdown', 'failed', 'rejected', 'orphaned'].includes(state)
}

export function isFailure({ state }: FoundTask): boolean {
  return state === 'failed' || state === 'rejected'
}

function conditionOf(task: FoundTask, failures: number, job: boolean): ReplicaState['state'] {
  const { state, desired, error } = task
  if (state === 'running' && desired === 'running') return job ? 'starting' : 'healthy'
  if (state === 'running') return job && desired === 'complete' ? 'starting' : 'stopping'
  if (desired === 'remove') return 'stopping'
  if (failures >= mostFailures) return 'failing'
  if (isFailure(task) || state === 'complete' || state === 'shutdown') return 'restarting'
  return state === 'pending' || error !== '' ? 'waiting' : 'starting'
}

function becauseOf(
  task: FoundTask,
  failed: readonly FoundTask[],
  service: FoundService,
  nodes: readonly FoundNode[],
  nodeLabels: readonly string[],
): string | null {
  const own = taskWords(task, service, nodes, nodeLabels)
  const [last] = failed
  if (own !== null || last === undefined) return own
  const before = taskWords(last, service, nodes, nodeLabels)
  const times = failed.length === 1 ? 'once' : `${failed.length} times`
  return before === null ? null : `it ended ${times} before: ${before}`
}

/** Also of a second version of a tier, while it is rolled out. */
function replicaOf(workload: string, tier: string, number: string): string {
  return workload === nextOf(tier) ? `next-${number}` : number
}

function nameOf(of: {
  readonly workload: string
  readonly tier: string
  readonly number: string | null
  readonly node: FoundNode | undefined
  readonly job: boolean
}): string {
  const { workload, tier, number, node, job } = of
  if (job) return workload
  return number === null
    ? `${workload}-${node?.name ?? 'unplaced'}`
    : replicaName({ workload, tier }, Number(number))
}
