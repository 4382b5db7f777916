/** What a Compose stack was found to be, and what there is to do about it, as data. */
import type { Balancing } from '../../catalog/balancing.ts'
import type { Reload } from '../../catalog/component.ts'
import type { Comparison } from '../../deployed/compare.ts'
import type { FoundContainer } from '../docker/containers.ts'
import type { Engine } from '../docker/engine.ts'
import type { Topology } from '../qdrant/cluster.ts'
import type { Move } from '../qdrant/placement.ts'
import type { Observed, Step } from '../target.ts'
import type { Applied } from './applied.ts'
import type { ComposeTool } from './tool.ts'
import type { WantedService } from './wanted.ts'

export interface ComposeObserved extends Observed {
  readonly engine: Pick<Engine, 'version' | 'api' | 'host' | 'place'>
  readonly tool: ComposeTool
  /** As the stack asks for them that was looked with. */
  readonly wanted: readonly WantedService[]
  readonly containers: readonly FoundContainer[]
  /** Image as a service names it → its id in the engine; null: it is not there. */
  readonly images: Readonly<Record<string, string | null>>
  /** `deploy/` beside what the stack is rendered to. */
  readonly comparison: Comparison
  /** What is applied is not what `ragscale.yaml` says (`ragscale scale`): `deploy/` is left alone. */
  readonly departs: boolean
  /** What containers read beside `deploy/`, as it should be and as it is: paths below the state folder. */
  readonly applied: Applied
  readonly state: ReadonlyMap<string, string>
  /** Of the running balancer: whether it reads the file that ragscale replaces, and what it has read. */
  readonly balancer: {
    readonly reads: boolean
    readonly loaded: string | null
    /** What that says; null where nobody kept it. */
    readonly balancing: Balancing | null
  } | null
  readonly secrets: readonly FoundSecret[]
  /** Who holds which shard; null when no node could be asked. */
  readonly vector: Topology | null
  /** Copies of each shard that are asked for, by collection. */
  readonly replication: Readonly<Record<string, number>>
  readonly networks: readonly string[]
  readonly volumes: readonly string[]
  /** Folder of another stack of the same name on this engine; null: there is none. */
  readonly elsewhere: string | null
  /** Ids of containers whose health the engine checks no longer, or may not: it was away while they ran on. */
  readonly unchecked: readonly string[]
  /** Workloads of a profile that is not asked for: where they run they are left alone. */
  readonly dormant: readonly string[]
}

export interface FoundSecret {
  readonly name: string
  readonly there: boolean
  readonly optional: boolean
  readonly readBy: readonly string[]
}

/** The balancer that runs, and where it reads its configuration: path below the state folder. */
export interface RunningBalancer {
  readonly id: string
  readonly startedAt: number | null
  readonly component: string
  readonly path: string
  readonly reload: Reload
}

/** A replica that is to be replaced. */
export interface RolledReplica {
  readonly service: WantedService
  /** Of its container. */
  readonly number: number
  readonly name: string
  /** What it is now; null: there is none. */
  readonly id: string | null
  /** It is healthy, and may be busy with requests. */
  readonly serves: boolean
}

type Action =
  | { readonly kind: 'write'; readonly comparison: Comparison }
  | {
      readonly kind: 'place'
      readonly files: ReadonlyMap<string, string>
      readonly removed: readonly string[]
      /** Mounted by themselves: a container sees only what is written into the file that is there. */
      readonly inPlace: ReadonlySet<string>
    }
  /** Has the balancer take up another configuration while it runs. */
  | {
      readonly kind: 'reload'
      readonly running: RunningBalancer
      readonly text: string
      readonly balancing: Balancing
      /** Who got requests by the configuration before is about to go: what lingers there is waited for. */
      readonly lingers: boolean
    }
  /** Has it send the requests of these workloads to those of their replicas alone that are healthy then, but for some. */
  | {
      readonly kind: 'route'
      readonly running: RunningBalancer
      readonly balancing: Balancing
      readonly workloads: readonly string[]
      /** Containers that are about to go: what lingers is waited for. */
      readonly without: readonly string[]
    }
  /** One after another: no requests, ended, made anew, healthy. */
  | {
      readonly kind: 'roll'
      readonly workload: string
      readonly replicas: readonly RolledReplica[]
      /** Null: the balancer finds out by itself. */
      readonly routed: { readonly running: RunningBalancer; readonly balancing: Balancing } | null
    }
  | { readonly kind: 'secret'; readonly name: string; readonly empty: boolean }
  | { readonly kind: 'pull'; readonly image: string }
  | { readonly kind: 'build'; readonly service: string; readonly image: string; readonly context: string }
  /** Makes a service's containers what they should be: missing ones, others, so many. */
  | {
      readonly kind: 'apply'
      readonly service: WantedService
      /** What it waits for is there already: nothing else is touched. */
      readonly alone: boolean
      /** Its containers are made anew though Compose would keep them. */
      readonly force: boolean
    }
  /** Has the engine check its health again. */
  | { readonly kind: 'check'; readonly id: string; /** In the engine. */ readonly name: string }
  | { readonly kind: 'restart'; readonly id: string; readonly name: string; readonly service: WantedService }
  | { readonly kind: 'remove'; readonly id: string; readonly name: string; readonly stopSeconds: number }
  | { readonly kind: 'shard'; readonly move: Move }
  | { readonly kind: 'remove-peer'; readonly node: string }
  | { readonly kind: 'remove-network'; readonly name: string }
  | { readonly kind: 'remove-volume'; readonly name: string }
  | { readonly kind: 'forget' }

export type PlannedStep = Step & Action
/** Steps of one wave are done together, one wave after another. */
export type ComposeStep = PlannedStep & { readonly wave: number }
export type ActionOf<Kind extends Action['kind']> = Extract<ComposeStep, { kind: Kind }>

export function inWaves(waves: readonly (readonly PlannedStep[])[]): ComposeStep[] {
  return waves
    .filter((steps) => steps.length > 0)
    .flatMap((steps, wave) => steps.map((step) => ({ ...step, wave })))
}
