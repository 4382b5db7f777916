/** What runs where of a stack, before any target's language: the list of workloads that all of them render. */
import type { Container } from '../catalog/container.ts'
import type { Stack } from '../stack/stack.ts'

export const renderTargets = ['compose', 'swarm', 'kubernetes', 'systemd'] as const
export type RenderTarget = (typeof renderTargets)[number]

export interface Workload {
  /** A DNS label, also its alias on the network: `embed`, `vector`, `collection`, `models-generate`, `prometheus`. */
  readonly name: string
  /** The tier that it fills; `observability` for Prometheus and its like. */
  readonly tier: string
  readonly component: string
  /** Copies; members of a cluster with a name and a volume each; a job that runs to its end; one on every host. */
  readonly kind: 'replicas' | 'nodes' | 'job' | 'agent'
  readonly count: number
  /** Why so many; becomes a comment. */
  readonly because: string
  readonly container: Container
  readonly after: readonly After[]
  /** Null: always there. Otherwise only where the profile is asked for. */
  readonly profile: Profile | null
  /** Where its metrics are: on which port and path; null: it has none. */
  readonly metrics: { readonly port: number; readonly path: string } | null
}

export const profiles = ['observability', 'tracing', 'gpu-metrics'] as const
export type Profile = (typeof profiles)[number]

export interface After {
  /** Of another workload. */
  readonly name: string
  readonly until: 'healthy' | 'completed'
}

export interface Topology {
  readonly stack: Stack
  readonly target: RenderTarget
  readonly workloads: readonly Workload[]
}
