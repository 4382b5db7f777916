/** What a swarm's stack was found to be, and what there is to do about it, as data. */
import type { Comparison } from '../../deployed/compare.ts'
import type { Topology } from '../qdrant/cluster.ts'
import type { Observed, Step } from '../target.ts'
import type { FoundBalancer, WantedBalancing } from './balancers.ts'
import type { FoundSwarm } from './found.ts'
import type { Model } from './model.ts'

/** What the stack should be, as it was asked for when the swarm was observed. */
export interface Wanted {
  readonly model: Model
  /** Rendered files beside those in `deploy/`. */
  readonly comparison: Comparison
  /** Secrets whose file is not there, by the path of the file. */
  readonly missing: readonly MissingSecret[]
  /** Images of ours that nobody publishes and this engine has not. */
  readonly unbuilt: readonly string[]
  /** What its balancers should go by; null where they take up nothing while they run. */
  readonly balancing: WantedBalancing | null
}

export interface MissingSecret {
  readonly name: string
  readonly file: string
  /**
   * `generated`: any value will do, and this stack alone has to know it; `empty`: it is as good as none; `given`: it
   * is somebody else's, and nobody can guess it.
   */
  readonly kind: 'generated' | 'empty' | 'given'
}

export interface Leftovers {
  readonly networks: readonly string[]
  readonly configs: readonly string[]
  readonly secrets: readonly string[]
  /** On the node of the engine that is spoken to. */
  readonly volumes: readonly string[]
  /** Containers of tasks that have ended, on the same node; of a job a swarm never removes them. */
  readonly containers: number
  /** Whether `.ragscale/swarm` is there. */
  readonly state: boolean
}

export interface SwarmObserved extends Observed {
  readonly stack: string
  readonly swarm: FoundSwarm
  readonly wanted: Wanted
  readonly leftovers: Leftovers
  readonly balancers: readonly FoundBalancer[]
  /** By container of the engine's own node. */
  readonly addresses: ReadonlyMap<string, string>
  /** Who holds which shard; null where no node of the cluster could be asked. */
  readonly shards: Topology | null
}

type Action =
  /** Files of ours into `deploy/`. */
  | { readonly kind: 'write'; readonly comparison: Comparison }
  /** The same somewhere else, by their absolute paths. */
  | {
      readonly kind: 'write-state'
      readonly files: readonly { readonly path: string; readonly text: string }[]
    }
  | { readonly kind: 'secret'; readonly secret: MissingSecret }
  | {
      readonly kind: 'label'
      readonly node: string
      readonly add: readonly string[]
      readonly remove: readonly string[]
    }
  /** Only how many of it; `service` is what it is called in the swarm. */
  | { readonly kind: 'scale'; readonly service: string; readonly name: string; readonly replicas: number }
  /** Is done by the next `deploy`; `name`: to be waited for, null where it goes. */
  | { readonly kind: 'change'; readonly name: string | null }
  | { readonly kind: 'deploy'; readonly stack: string; readonly document: string; readonly cwd: string }
  /** Has a balancer that runs go by another configuration: before replicas go, after they came. */
  | {
      readonly kind: 'reload'
      readonly when: 'before' | 'after'
      readonly balancer: FoundBalancer
      readonly balancing: WantedBalancing
    }
  /** Only told: what stays where nobody here can remove it. */
  | { readonly kind: 'leave' }
  /** Nothing to change, but it is not there yet. */
  | { readonly kind: 'await'; readonly name: string }
  | {
      readonly kind: 'stop'
      readonly id: string
      readonly name: string
      readonly wave: number
      readonly job: boolean
    }
  | {
      readonly kind: 'remove'
      readonly what: string
      readonly because: string
      readonly of: Removed
      readonly name: string
    }

export type Removed = 'network' | 'config' | 'secret' | 'volume' | 'containers' | 'folder'

export type SwarmStep = Step & Action
