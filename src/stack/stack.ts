/**
 * A stack after parsing: defaults filled in, units parsed, paths absolute. `src/stack/` makes it from
 * `ragscale.yaml`; everything else reads this and never the file.
 */

export const targets = ['local', 'compose', 'swarm', 'kubernetes', 'external'] as const
export type Target = (typeof targets)[number]

/** The tiers that a query or a document visits, and that can be counted in replicas or nodes. */
export const tiers = ['gateway', 'embed', 'vector', 'rerank', 'generate', 'cache', 'worker'] as const
export type Tier = (typeof tiers)[number]

export const stages = ['embed', 'retrieve', 'rerank', 'generate', 'ingest', 'pipeline'] as const
export type Stage = (typeof stages)[number]

/** The tiers that are counted in replicas; `vector` is counted in nodes. */
export type ReplicaTierName = 'gateway' | 'embed' | 'rerank' | 'generate' | 'cache' | 'worker'

/** Those whose replicas may follow the load. */
export const scaledTiers = ['gateway', 'embed', 'rerank', 'generate', 'worker'] as const

export interface ReplicaTier {
  readonly component: string
  readonly replicas: number
  readonly model?: string
  /** Never of the file: the model's other names, by which it is asked for while it takes another's place. */
  readonly alsoServes?: readonly string[]
  readonly gpu?: string
  readonly tensorParallel?: number
  readonly maxModelLength?: number
  /** Sequences that one replica of `generate` decodes together (vLLM's `--max-num-seqs`). */
  readonly maxSequences?: number
  readonly emulate?: Emulation
  /** In place of the catalogue's image: `registry.example/vllm:v0.30.0`. */
  readonly image?: string
  /** In place of what the catalogue reserves for one replica. */
  readonly resources?: ResourceOverride
  readonly autoscale?: Autoscale
  /** Of a component that somebody else runs (`openai`): where, as whom, within which rates, for how much. */
  readonly provider?: Provider
  /** The cache tier's times to live, in milliseconds; null turns that cache off. */
  readonly cache?: {
    readonly embeddings: number | null
    readonly retrievals: number | null
    readonly answers: number | null
    readonly entries: number
  }
}

/** The tiers of which two versions can serve at once: any request may be answered by either. */
export const splitTiers = ['gateway', 'embed', 'rerank', 'generate'] as const
export type SplitTier = (typeof splitTiers)[number]

/** A second version of one tier beside the first, while a rollout is under way. */
export interface Split {
  readonly tier: SplitTier
  /** The tier as the second version has it; `replicas`: how many of that version run. */
  readonly version: ReplicaTier
  /** Of 100 requests to the tier, how many the second version gets. */
  readonly share: number
}

export interface VectorTier {
  readonly component: string
  readonly nodes: number
  /** CPU cores of one node: each is a search thread. */
  readonly cpus: number
  readonly collection: Collection
  readonly emulate?: Emulation
  readonly image?: string
  readonly resources?: ResourceOverride
}

/** Of one replica or node: CPU in cores, memory in bytes. */
export interface ResourceOverride {
  readonly cpus?: number
  readonly memoryBytes?: number
}

/** Replicas that follow the load, on Kubernetes. */
export interface Autoscale {
  /** What a lost replica still leaves enough of. */
  readonly min: number
  readonly max: number
  /**
   * Of the tier's own scaling metric, an average a replica: requests running and waiting (generate), requests in
   * flight (embed, rerank), queued documents (worker), latency in milliseconds (gateway).
   */
  readonly target: number
  /** Replicas that a time window asks for, whatever the load. */
  readonly schedule: readonly ScaleWindow[]
}

export interface ScaleWindow {
  /** Cron expressions of five fields. */
  readonly from: string
  readonly to: string
  /** IANA name: `Europe/Berlin`. */
  readonly timezone: string
  readonly replicas: number
}

/** An API provider in place of replicas. Nulls: no limit is known, or no price. */
export interface Provider {
  /** Without a slash at the end; `/v1/…` is put behind it. */
  readonly url: string
  readonly apiKeyEnv: string
  readonly requestsPerMinute: number | null
  readonly tokensPerMinute: number | null
  /** USD per million tokens. */
  readonly inputPrice: number | null
  readonly outputPrice: number | null
}

/** Servers that one replica or more of is enough of, and that no stage visits. */
export interface SupportTier {
  readonly component: string
  readonly replicas: number
  readonly image?: string
  readonly resources?: ResourceOverride
}

export interface Collection {
  readonly name: string
  readonly dimensions: number
  readonly distance: 'Cosine' | 'Dot' | 'Euclid' | 'Manhattan'
  readonly points: number
  readonly shards: number
  readonly replication: number
  /** Copies that must have a write before it is answered: `write_consistency_factor`. */
  readonly writeConsistency: number
  readonly quantization: 'none' | 'scalar' | 'product' | 'binary'
}

/** How long one request is served for: a law, its mean, and what else it needs. */
export type ServiceLaw =
  | { readonly kind: 'fixed' | 'exponential'; readonly meanMs: number }
  | {
      readonly kind: 'lognormal'
      readonly meanMs: number
      /** Coefficient of variation. */
      readonly cv: number
    }
  | {
      readonly kind: 'bimodal'
      readonly meanMs: number
      /** The share of slow requests, and how many times slower they are. */
      readonly slowShare: number
      readonly slowFactor: number
    }

/** The timing model of an emulated replica; the catalogue gives one by component and GPU, `emulate:` overrides it. */
export type Emulation =
  | {
      /** `servers` that each serve one request at a time from one first-come-first-served queue. */
      readonly model: 'fifo'
      readonly law: ServiceLaw
      readonly servers: number
      /** Requests that may wait; one more is refused with 429 (null: no limit). */
      readonly queueLimit: number | null
    }
  | {
      /** Dynamic batching (TEI): while a batch runs, arrivals wait; the next takes what fits in `maxBatchTokens`. */
      readonly model: 'batching'
      readonly overheadMs: number
      readonly msPerToken: number
      readonly maxBatchTokens: number
      readonly maxConcurrent: number
      /** Coefficient of variation of a batch's time. */
      readonly cv: number
    }
  | {
      /** Iteration-level continuous batching (vLLM). A decode step of `b` sequences takes `stepMs + b·msPerSequence`, prefill adds `msPerPrefillToken` a token. */
      readonly model: 'continuous'
      readonly stepMs: number
      readonly msPerSequence: number
      readonly prefillMs: number
      readonly msPerPrefillToken: number
      readonly maxSequences: number
      readonly maxBatchedTokens: number
      /** Tokens that the KV cache holds. */
      readonly kvTokens: number
      readonly cv: number
    }
  | {
      /** Search threads of a vector node: each shard searched takes `baseMs + msPerMillionPoints·points/10^6` of one thread. */
      readonly model: 'search'
      readonly servers: number
      readonly baseMs: number
      readonly msPerMillionPoints: number
      /** What the coordinating node adds for each further shard asked. */
      readonly fanoutMs: number
      readonly cv: number
    }

export interface Workload {
  /** Queries a second. */
  readonly rate: number
  readonly arrivals: Arrivals
  /** Absolute path of the queries file, or null: `loadtest` then says what is missing. */
  readonly queries: string | null
  /** Zipf exponent of which query is asked; null draws each equally often. */
  readonly zipf: number | null
  readonly topK: number
  /** Tokens of a prompt to `generate`, and asked of it, where the queries file says nothing else. */
  readonly inputTokens: number
  readonly outputTokens: number
  readonly seed: number
}

export type Arrivals =
  | { readonly kind: 'poisson' | 'constant' }
  | {
      readonly kind: 'gamma'
      /** Variance of the gaps relative to Poisson's: the squared coefficient of variation. */
      readonly burstiness: number
    }
  | { readonly kind: 'trace'; readonly file: string }

export const percentiles = ['p50', 'p90', 'p95', 'p99', 'p999'] as const
export type Percentile = (typeof percentiles)[number]

/**
 * `queue`: documents that wait for a worker; `metadata`: a database for what is kept beside the vectors, its
 * replicas counting the read replicas as well; `ui`: a chat page on `generate`.
 */
export const supportNames = ['queue', 'metadata', 'ui'] as const
export type SupportName = (typeof supportNames)[number]

/** One limit: `pipeline.latency.p99` ≤ 3000 ms, or `pipeline.errors` ≤ 0.001. */
export interface Slo {
  /** `<stage>.<metric>.<percentile>`, or `<stage>.errors`. */
  readonly on: string
  readonly stage: Stage
  /** A metric's name as recorded (`ttft` on `pipeline` is already `rag_ttft` here), or `errors`. */
  readonly metric: string
  readonly percentile: Percentile | null
  readonly limit: number
  readonly unit: 'ms' | 'ratio'
}

export interface Limits {
  readonly replicas: number | null
  readonly gpus: number | null
  readonly budgetPerMonth: number | null
  readonly load: {
    readonly rate: number | null
    readonly requests: number | null
    readonly spend: number | null
  }
}

export const balancerPolicies = ['least-connections', 'round-robin', 'random'] as const
export type BalancerPolicy = (typeof balancerPolicies)[number]

export interface Balancer {
  readonly component: string
  readonly policy: BalancerPolicy
  /** Of the balancer itself; one on a single machine. */
  readonly replicas: number
  readonly image?: string
}

export interface Endpoint {
  readonly url: string
  readonly protocol: 'tei' | 'openai' | 'qdrant' | 'http' | 'ragscale'
  readonly model?: string
  readonly collection?: string
  readonly body?: string
  readonly answer?: string
  readonly apiKeyEnv?: string
  /** Header name → name of the environment variable that holds its value. */
  readonly headersEnv?: Readonly<Record<string, string>>
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly timeoutMs?: number
  /** Replicas (nodes, for `vector`) that answer behind the URL: what a recommendation counts from. */
  readonly replicas: number
}

export const endpointNames = ['embed', 'vector', 'rerank', 'generate', 'pipeline'] as const
export type EndpointName = (typeof endpointNames)[number]

export interface Stack {
  readonly name: string
  readonly target: Target
  /** Absolute path of `ragscale.yaml`, and its folder: paths in it are relative to the folder. */
  readonly file: string
  readonly folder: string
  /** Whether emulators stand in for embed, vector, rerank and generate on the targets that run containers. */
  readonly rehearse: boolean
  readonly tiers: Readonly<Partial<Record<ReplicaTierName, ReplicaTier>> & { vector?: VectorTier }>
  readonly balancer: Balancer
  /** What else runs beside the tiers, where it is asked for. */
  readonly support: Readonly<Partial<Record<SupportName, SupportTier>>>
  readonly workload: Workload
  readonly slo: readonly Slo[]
  readonly limits: Limits
  readonly endpoints: Readonly<Partial<Record<EndpointName, Endpoint>>>
  /** Never of the file: what `ragscale rollout` adds to it for as long as it lasts. */
  readonly split?: Split
}
