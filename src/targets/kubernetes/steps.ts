/** What a stack was found to be on its cluster, and what there is to do about it, as data. */
import type { Comparison } from '../../deployed/compare.ts'
import type { Topology } from '../qdrant/cluster.ts'
import type { Observed, Step } from '../target.ts'
import type { FoundNamespace, Running } from './cluster.ts'
import type { KubeEvent, KubeObject } from './objects.ts'
import type { GatewayName } from './hosts.ts'
import type { LastPlace } from './last-place.ts'
import type { Place } from './place.ts'
import type { Release } from './release.ts'
import type { PodState } from './replicas.ts'
import type { ChartSource, Wanted } from './wanted.ts'

export interface KubernetesObserved extends Observed {
  readonly place: Place
  /** Where it was last brought up from here; null: nowhere, or it was taken down since. */
  readonly last: LastPlace | null
  readonly replicas: readonly PodState[]
  readonly release: Release
  /** A change by ragscale that was cut off, as its own note of it says. */
  readonly cutOff: boolean
  readonly found: Running
  readonly events: readonly KubeEvent[]
  /** Those of the deployed release's objects that are there; null where the user may not read them. */
  readonly live: readonly KubeObject[] | null
  readonly namespace: FoundNamespace
  /** The Secret that the release's pods read; null where they read none. */
  readonly secret: FoundSecret | null
  /** Secrets that lie in `deploy/helm/secrets/` with a value: name → absolute path. */
  readonly given: ReadonlyMap<string, string>
  /** What the stack is to be; an error where that cannot be told. */
  readonly wanted: Wanted | { readonly error: unknown }
  /** The stack that was asked about. */
  readonly stack: object
  /** Hosts by which the cluster lets callers in, with their scheme. */
  readonly hosts: readonly string[]
  /** By which the release's routes come in, whether or not they are there. */
  readonly gateways: readonly GatewayName[]
  /** Where the shards of the Qdrant cluster are; null where no node of it is to go, or none could be asked. */
  readonly shards: Topology | null
}

export interface FoundSecret {
  readonly name: string
  /** Null where there is none of that name. */
  readonly keys: readonly string[] | null
  /** Made by ragscale for this release. */
  readonly ours: boolean
  /** The user's values say that they see to it. */
  readonly users: boolean
}

type Action =
  | { readonly kind: 'write'; readonly comparison: Comparison }
  | { readonly kind: 'namespace'; readonly place: Place; readonly release: string }
  | { readonly kind: 'secret'; readonly secret: SecretPlan }
  | { readonly kind: 'rollback'; readonly release: string; readonly revision: number; readonly place: Place }
  | { readonly kind: 'uninstall'; readonly release: string; readonly place: Place }
  /** By name: `pod/embed-x7k2p`. */
  | { readonly kind: 'delete'; readonly objects: readonly string[]; readonly place: Place }
  | {
      readonly kind: 'upgrade'
      readonly release: string
      readonly place: Place
      readonly chart: ChartSource
      /** How many parts it does: where a user asked for some of them only, it does too much. */
      readonly parts: number
      /** Fields that somebody else has changed are taken back. */
      readonly forces: boolean
    }
  /** What the upgrade makes of one object or workload: told by itself, done by it. */
  | { readonly kind: 'part'; readonly of: string }
  | { readonly kind: 'await'; readonly release: string; readonly place: Place; readonly awaited: AwaitedTier }
  /** Until nothing of the release runs. */
  | { readonly kind: 'await-end'; readonly release: string; readonly place: Place }

export interface SecretPlan {
  readonly name: string
  readonly release: string
  readonly place: Place
  /** Made at random. */
  readonly make: readonly string[]
  /** Read from files: name → absolute path. */
  readonly read: Readonly<Record<string, string>>
  /** It is there, with other keys, which stay. */
  readonly exists: boolean
}

export interface AwaitedTier {
  /** A workload of the chart. */
  readonly workload: string
  readonly tier: string
  /** From the change on, so long it may take to be ready. */
  readonly deadlineMs: number
}

export type KubernetesStep = Step & Action
