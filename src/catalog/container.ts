/**
 * One container of a component, in the terms that every target shares: Compose, Swarm and Kubernetes each write
 * the same facts in their own language. A component's folder makes it (`deploy`), `render/` translates it.
 */
import type { Stack } from '../stack/stack.ts'

export interface Container {
  readonly image: Image
  /** In place of the image's entrypoint. */
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  /**
   * Nothing secret: it can be read by whoever may list containers. Values are meant literally, a `$` included;
   * on Kubernetes an address in them is Helm-template text.
   */
  readonly env: Readonly<Record<string, string>>
  /** Names the variable that says where traces go (OTLP over HTTP); set only where they are collected. */
  readonly tracesEnv?: string
  readonly secrets: readonly SecretUse[]
  /** What each port that it listens on is for: `{ http: 80 }`. The health check and clients use `http`. */
  readonly ports: Readonly<Record<string, number>>
  readonly mounts: readonly Mount[]
  /** Configuration that is mounted read-only. */
  readonly files: readonly ConfigFile[]
  readonly health: Health | null
  readonly resources: Resources
  /** GPUs of one replica; 0 for none. */
  readonly gpus: number
  /** Of `/dev/shm`, which tensor parallelism needs; null for the engine's default. */
  readonly sharedMemoryBytes: number | null
  readonly stop: Stop
  /** Runs as root inside, because its image is made so; everything else is told not to. */
  readonly root: boolean
  /** Numeric user and group, `999:999`, wherever it is not root: Kubernetes takes no name for proof of that. */
  readonly user?: string
  /** It writes nowhere but to its mounts and `/tmp`. */
  readonly readOnly: boolean
  /** What it needs of the host that it watches; of an agent alone. */
  readonly host?: HostAccess
}

export interface HostAccess {
  /** Seen read-only in the container: `/sys` of the host at `/sys`. */
  readonly paths: readonly { readonly path: string; readonly at: string }[]
  /** Device files that it reads, where the target can give them (Swarm cannot): `/dev/kmsg`. */
  readonly devices?: readonly string[]
  /** Linux capabilities beyond the engine's usual ones, without `CAP_`. */
  readonly capabilities: readonly string[]
  /** It sees every GPU of its host, and takes none from anybody. */
  readonly allGpus: boolean
}

export interface Image {
  /** `vllm/vllm-openai:v0.30.0`, whole. */
  readonly reference: string
  /** Why this one; becomes a comment. */
  readonly because: string
  /** Built from this project, as nothing publishes it; absent: pulled. */
  readonly build?: 'ragscale'
}

/** A secret's name is the name of its file: `secrets/<name>` in Compose, a key of the Secret on Kubernetes. */
export interface SecretUse {
  readonly name: string
  /** Names an environment variable that holds the path of the secret's file (`…_FILE`). */
  readonly fileEnv?: string
  /**
   * Names an environment variable that must hold the value itself, because the software reads no file. The
   * container then has a `command`, so that a shell can export it and `exec` what the image would have run.
   */
  readonly valueEnv?: string
  /** The container starts without it too (a token for gated models). */
  readonly optional?: boolean
}

export interface Mount {
  /** Of the volume: `models`, `vector-data`. */
  readonly name: string
  readonly path: string
  /** `shared`: one for all replicas (a cache of models); `own`: one for each; `memory`: gone with the container. */
  readonly kind: 'shared' | 'own' | 'memory'
  /** What it is sized for; null where nothing is known. */
  readonly sizeBytes: number | null
}

export interface ConfigFile {
  /** Absolute, in the container. */
  readonly path: string
  readonly text: string
}

export interface Health {
  /**
   * How readiness is asked. `http` where the image or the platform can ask by itself; `command` is what a health
   * check inside the image as shipped runs (Compose and Swarm), since many images have no curl.
   */
  readonly http: { readonly path: string; readonly port: number } | null
  readonly command: readonly string[]
  /** Answers while the process lives, whatever it waits for; null: as `http`. */
  readonly livePath: string | null
  /** How long the start may take (loading a model), in seconds. */
  readonly startupSeconds: number
  readonly intervalSeconds: number
  readonly timeoutSeconds: number
  readonly failures: number
}

/** CPU in cores, memory in bytes: what is reserved, and what it may not go beyond (null: no limit). */
export interface Resources {
  readonly request: { readonly cpus: number; readonly memoryBytes: number }
  readonly limit: { readonly cpus: number | null; readonly memoryBytes: number }
  /** Where the numbers come from; becomes a comment. */
  readonly because: string
}

export interface Stop {
  /** From the signal to the kill, longer than the longest request that should end well. */
  readonly graceSeconds: number
  /** Wait before the signal, so that balancers have stopped sending (Kubernetes). */
  readonly preStopSeconds: number
}

/** Where others are found: `http://balancer:8081` on Compose, a Service's name on Kubernetes. */
export interface Addresses {
  /** Of a tier, through its balancer, without a slash at the end. */
  url(tier: BalancedTier): string
  /** Host and port of a workload that no balancer stands before: `cache`, `metadata`, `collector`. */
  host(workload: string, port: number): string
  /** URL by which nodes of a cluster reach node n (from 1), or the first: `http://vector-1:6335`. */
  peer(node: number | 'own', port: number): string
}

/** Tiers that are reached through the balancer, in the order of their ports. */
export const balancedTiers = ['gateway', 'embed', 'vector', 'rerank', 'generate', 'worker'] as const
export type BalancedTier = (typeof balancedTiers)[number]

/** On which port the balancer listens for a tier, on every target. */
export const balancerPorts: Readonly<Record<BalancedTier, number>> = {
  gateway: 8080,
  embed: 8081,
  vector: 8082,
  rerank: 8083,
  generate: 8084,
  worker: 8085,
}

/** What a component is asked to make a container for. */
export interface Deployment {
  readonly stack: Stack
  /** The tier that it fills. */
  readonly tier: string
  readonly addresses: Addresses
  /** How the target spells things; only where a component cannot be written the same for all. */
  readonly target: 'compose' | 'swarm' | 'kubernetes' | 'systemd'
}
