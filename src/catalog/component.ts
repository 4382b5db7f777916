import type { Emulation, ReplicaTier, Stack, SupportName, Tier, VectorTier } from '../stack/stack.ts'
import type { Balancing } from './balancing.ts'
import type { ConfigFile, Container, Deployment } from './container.ts'
import type { Observed } from './observed.ts'
import type { Scaling } from './scaling.ts'

/** The software that fills a tier, and what is known of it before it runs. */
export interface Reload {
  /** To be run in its container first; without it the reload is as good as it can be. */
  readonly prepare?: readonly string[]
  /** To its main process. */
  readonly signal: 'SIGHUP' | 'SIGUSR2'
  /** Of its command, before the path of its configuration: for a target that must have it read another file. */
  readonly flag?: string
}

export interface Component {
  readonly name: string
  readonly title: string
  /** The tiers that it can fill. */
  readonly fills: readonly (Tier | SupportName | 'balancer' | 'observability')[]
  /** How it is called, in the words of `endpoints`; null when nothing of ours calls it over HTTP. */
  readonly protocol: 'tei' | 'openai' | 'qdrant' | 'ragscale' | null
  /** What each port that it listens on is for. */
  readonly ports: Readonly<Record<string, number>>
  /** Answers 200 when requests may be sent; null when it speaks no HTTP. */
  readonly healthPath: string | null
  readonly metricsPath: string | null
  /** What a metric tells → its name in the exposition. */
  readonly metrics: Readonly<Record<string, string>>
  /** What more of it means: copies of a stateless server, or members of a cluster that share data. */
  readonly scales: 'replicas' | 'nodes'
  /** How an emulated one is timed, from what is declared; absent for what always runs for real. */
  readonly timing?: (tier: ReplicaTier | VectorTier) => Timing
  /** The container that it is; absent where somebody else runs it (an API provider, an in-process cache). */
  readonly deploy?: (about: Deployment) => Container
  /** A one-shot job that fetches the model into the volume that all replicas share; null: there is nothing to fetch. */
  readonly prefetch?: (about: Deployment) => Container | null
  /** A one-shot job that makes what the tier's clients expect to find (a collection); done before any of them starts. */
  readonly prepare?: (about: Deployment) => Container
  /** A copy that follows the first and only reads (a database's); without it all replicas are alike. */
  readonly readReplica?: (about: Deployment) => Container
  /** Of a balancer: its configuration, which `render/balancer` adds to its container. */
  readonly balance?: (balancing: Balancing) => ConfigFile
  /** Of a balancer: how it takes up another configuration while it runs, and loses nothing; absent: it cannot. */
  readonly reload?: Reload
  /** Whether its model fits the GPUs of one replica; null where one of the two is not known. */
  readonly room?: (tier: ReplicaTier) => Room | null
  /** What more or fewer replicas follow; absent: it is not scaled by itself. */
  readonly scaling?: (tier: ReplicaTier, stack: Stack) => Scaling
  /** Its alerts and the panels of its dashboard, on metrics that it really exports; by tier where it is a different server in each. */
  readonly observed?: Observed | ((tier: string, stack: Stack) => Observed | undefined)
}

/** What a model and its longest request take of the memory of a replica's GPUs. */
export interface Room {
  readonly fits: boolean
  /** In words: `meta-llama/Llama-3.1-70B-Instruct on 1 × H100: its weights do not fit`. */
  readonly because: string
  /** What would; empty where it fits. */
  readonly cure: string
}

/** A timing model, or why there is none: then `emulate:` has to give it. */
export type Timing = Emulation | TimingUnknown

export interface TimingUnknown {
  readonly model: 'unknown'
  /** The key of the tier that it fails at. */
  readonly key: string
  readonly because: string
}

export function unknownTiming(key: string, because: string): TimingUnknown {
  return { model: 'unknown', key, because }
}

/** For a message that says what is known. */
export function namesOf(things: readonly { readonly name: string }[]): string {
  return things.map((thing) => thing.name).join(', ')
}
