/** Services, tasks and nodes of a stack as the swarm tells of them, as plain data. */
import type { Engine } from '../docker/engine.ts'
import { stackLabel } from '../docker/containers.ts'
import { withOom } from './killed.ts'
import type { ServiceMode } from './model.ts'

/** What `docker stack deploy` puts on everything of a stack. */
export const namespaceLabel = 'com.docker.stack.namespace'

export interface FoundService {
  readonly id: string
  /** Changes with every update; an update names the one that it goes from. */
  readonly version: number
  /** Without the stack's name before it. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly mode: ServiceMode
  readonly replicas: number
  /** As it was asked for, without a digest. */
  readonly image: string
  readonly configs: readonly string[]
  readonly secrets: readonly string[]
  /** Names of the volumes that it mounts, on each node where it runs. */
  readonly volumes: readonly string[]
  /** Of the CPU and memory that a node must have left for one. */
  readonly reserved: { readonly cpus: number; readonly memoryBytes: number; readonly gpus?: number }
  /** Ports of the nodes where it runs, by the port in the container. */
  readonly ports: Readonly<Record<number, number>>
  /** Of the last rolling update; null: there was none. */
  readonly update: { readonly state: string; readonly message: string; readonly startedAt: string } | null
  /** Of a job: which time it runs. */
  readonly iteration: number
}

export interface FoundTask {
  readonly id: string
  readonly service: string
  /** From 1; null for what runs on every node. */
  readonly slot: number | null
  readonly node: string | null
  readonly state: string
  readonly desired: string
  /** What the swarm says of its end; empty for nothing. */
  readonly error: string
  readonly exitCode: number | null
  /** Where its container was killed for want of memory, its limit; absent where not, or where nobody can tell. */
  readonly oom?: { readonly limitBytes: number | null }
  readonly container: string | null
  readonly createdAt: number
  /** When it came into its state. */
  readonly since: number
  readonly image: string
  readonly configs: readonly string[]
  readonly iteration: number
}

export interface FoundNode {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly version: number
  readonly labels: Readonly<Record<string, string>>
  /** Whether it takes tasks. */
  readonly ready: boolean
  /** Why it does not: `down`, `drained`, `paused`; null where it does. */
  readonly away: string | null
  readonly cpus: number
  readonly memoryBytes: number
  /** That it declares; absent: none. */
  readonly gpus?: number
}

export interface FoundSwarm {
  /** Of the engine that is spoken to. */
  readonly node: string
  readonly nodes: readonly FoundNode[]
  readonly services: readonly FoundService[]
  readonly tasks: readonly FoundTask[]
  /** Services of a stack of the same name that somebody else deployed: nothing of it is ours. Absent: there is none. */
  readonly foreign?: readonly string[]
}

interface Named {
  readonly Name: string
  readonly Labels?: Record<string, string> | null
}
interface Version {
  readonly Index: number
}
/** The first is said without a number. */
interface Iteration {
  readonly Index?: number
}
interface ApiResources {
  readonly NanoCPUs?: number
  readonly MemoryBytes?: number
  /** As many, or each by its name. */
  readonly GenericResources?:
    | {
        readonly DiscreteResourceSpec?: { readonly Kind: string; readonly Value: number }
        readonly NamedResourceSpec?: { readonly Kind: string }
      }[]
    | null
}
interface TaskSpec {
  readonly ContainerSpec?: {
    readonly Image?: string
    readonly Labels?: Record<string, string> | null
    readonly Configs?: { readonly ConfigName: string }[] | null
    readonly Secrets?: { readonly SecretName: string }[] | null
    readonly Mounts?: { readonly Type: string; readonly Source?: string }[] | null
  }
  readonly Resources?: {
    readonly Reservations?: ApiResources
  }
}
export interface ApiService {
  readonly ID: string
  readonly Version: Version
  readonly Spec: Named & {
    readonly TaskTemplate: TaskSpec
    readonly Mode: {
      readonly Replicated?: { readonly Replicas?: number }
      readonly Global?: unknown
      readonly ReplicatedJob?: { readonly TotalCompletions?: number }
      readonly GlobalJob?: unknown
    }
    readonly EndpointSpec?: {
      readonly Ports?: { readonly TargetPort: number; readonly PublishedPort?: number }[] | null
    }
  }
  readonly UpdateStatus?: { readonly State?: string; readonly Message?: string; readonly StartedAt?: string }
  readonly JobStatus?: { readonly JobIteration?: Iteration }
}
interface ApiTask {
  readonly ID: string
  readonly ServiceID: string
  readonly Slot?: number
  readonly NodeID?: string
  readonly CreatedAt: string
  readonly DesiredState: string
  readonly Spec: TaskSpec
  readonly JobIteration?: Iteration
  readonly Status: {
    readonly State: string
    readonly Timestamp: string
    readonly Err?: string
    readonly ContainerStatus?: { readonly ContainerID?: string; readonly ExitCode?: number }
  }
}
interface ApiNode {
  readonly ID: string
  readonly Version: Version
  readonly Spec: { readonly Labels?: Record<string, string> | null; readonly Availability: string }
  readonly Status: { readonly State: string; readonly Addr?: string }
  readonly Description?: {
    readonly Hostname?: string
    readonly Resources?: ApiResources
  }
}

/** Whether it is of the stack: deployed as that stack, or with our label. */
export function isOf(stack: string, labels: Readonly<Record<string, string>>): boolean {
  return (
    labels[stackLabel] === stack || (labels[stackLabel] === undefined && labels[namespaceLabel] === stack)
  )
}

/** @param node of the engine itself */
export async function findSwarm(engine: Engine, stack: string, node: string): Promise<FoundSwarm> {
  const [nodes, services, tasks] = await Promise.all([
    engine.docker.listNodes() as unknown as Promise<ApiNode[]>,
    engine.docker.listServices() as unknown as Promise<ApiService[]>,
    engine.docker.listTasks() as unknown as Promise<ApiTask[]>,
  ])
  const named = services.filter(({ Spec }) => isOf(stack, Spec.Labels ?? {}))
  // What a user's own file adds to a stack of ours has no label of ours, and stands beside what has.
  const isForeign = named.length > 0 && named.every(({ Spec }) => Spec.Labels?.[stackLabel] === undefined)
  if (isForeign) {
    const foreign = named.map(({ Spec }) => Spec.Name)
    return { node, nodes: nodes.map(nodeOf), services: [], tasks: [], foreign }
  }
  return {
    node,
    nodes: nodes.map(nodeOf),
    services: named.map((service) => foundService(service, stack)),
    tasks: await withOom(
      tasks.filter(({ Spec }) => isOf(stack, Spec.ContainerSpec?.Labels ?? {})).map(foundTask),
      engine,
      node,
    ),
  }
}

function nodeOf({ ID, Version, Spec, Status, Description }: ApiNode): FoundNode {
  return {
    id: ID,
    name: Description?.Hostname ?? ID,
    address: Status.Addr ?? '',
    version: Version.Index,
    labels: Spec.Labels ?? {},
    ready: Status.State === 'ready' && Spec.Availability === 'active',
    away: awayOf(Status.State, Spec.Availability),
    cpus: (Description?.Resources?.NanoCPUs ?? 0) / 1e9,
    memoryBytes: Description?.Resources?.MemoryBytes ?? 0,
    gpus: gpusIn(Description?.Resources),
  }
}

/** By the kind that is rendered, which node and service both name. */
function gpusIn(resources: ApiResources | undefined): number {
  return (resources?.GenericResources ?? []).reduce(
    (sum, { DiscreteResourceSpec: some, NamedResourceSpec: one }) =>
      sum + (some?.Kind === 'GPU' ? some.Value : one?.Kind === 'GPU' ? 1 : 0),
    0,
  )
}

function awayOf(state: string, availability: string): string | null {
  if (state !== 'ready') return state
  if (availability === 'drain') return 'drained'
  return availability === 'active' ? null : 'paused'
}

export function foundService(service: ApiService, stack: string): FoundService {
  const { Spec, UpdateStatus: update } = service
  const { ContainerSpec: container, Resources } = Spec.TaskTemplate
  const name = Spec.Name.startsWith(`${stack}_`) ? Spec.Name.slice(stack.length + 1) : Spec.Name
  return {
    id: service.ID,
    version: service.Version.Index,
    name,
    labels: Spec.Labels ?? {},
    ...countOf(Spec.Mode),
    image: imageOf(container?.Image),
    configs: (container?.Configs ?? []).map(({ ConfigName }) => ConfigName),
    secrets: (container?.Secrets ?? []).map(({ SecretName }) => SecretName),
    volumes: (container?.Mounts ?? []).flatMap(({ Type, Source = '' }) =>
      Type === 'volume' && Source !== '' ? [Source] : [],
    ),
    reserved: {
      cpus: (Resources?.Reservations?.NanoCPUs ?? 0) / 1e9,
      memoryBytes: Resources?.Reservations?.MemoryBytes ?? 0,
      gpus: gpusIn(Resources?.Reservations),
    },
    ports: Object.fromEntries(
      (Spec.EndpointSpec?.Ports ?? []).flatMap(({ TargetPort, PublishedPort }) =>
        PublishedPort === undefined ? [] : [[TargetPort, PublishedPort]],
      ),
    ),
    update:
      update?.State === undefined
        ? null
        : { state: update.State, message: update.Message ?? '', startedAt: update.StartedAt ?? '' },
    iteration: service.JobStatus?.JobIteration?.Index ?? 0,
  }
}

function countOf(mode: ApiService['Spec']['Mode']): Pick<FoundService, 'mode' | 'replicas'> {
  if (mode.Replicated !== undefined) return { mode: 'replicated', replicas: mode.Replicated.Replicas ?? 1 }
  if (mode.ReplicatedJob !== undefined)
    return { mode: 'replicated-job', replicas: mode.ReplicatedJob.TotalCompletions ?? 1 }
  return { mode: mode.GlobalJob === undefined ? 'global' : 'global-job', replicas: 1 }
}

function imageOf(image = ''): string {
  return image.split('@')[0] ?? image
}

function foundTask(task: ApiTask): FoundTask {
  const { Spec, Status } = task
  const container = Status.ContainerStatus
  return {
    id: task.ID,
    service: task.ServiceID,
    slot: task.Slot === undefined || task.Slot === 0 ? null : task.Slot,
    node: task.NodeID === undefined || task.NodeID === '' ? null : task.NodeID,
    state: Status.State,
    desired: task.DesiredState,
    error: Status.Err ?? '',
    exitCode: container?.ExitCode ?? null,
    container:
      container?.ContainerID === undefined || container.ContainerID === '' ? null : container.ContainerID,
    createdAt: Date.parse(task.CreatedAt),
    since: Date.parse(Status.Timestamp),
    image: imageOf(Spec.ContainerSpec?.Image),
    configs: (Spec.ContainerSpec?.Configs ?? []).map(({ ConfigName }) => ConfigName),
    iteration: task.JobIteration?.Index ?? 0,
  }
}
