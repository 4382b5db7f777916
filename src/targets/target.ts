/**
 * What every place that a stack can run in does for it. Effects are decided before they are done: `observe`
 * looks, `plan` decides and touches nothing, `execute` does what was planned and decides nothing.
 */
import type { ReplicaSample } from '../recording/resources.ts'
import type { EndpointName, SplitTier, Stack, Target } from '../stack/stack.ts'
import type { NodeAddress } from './qdrant/call.ts'

/** In the order of a table: what is called first comes first. */
export type ReplicaCondition =
  | 'waiting'
  | 'starting'
  | 'healthy'
  /** Of a job, which has run to its end. */
  | 'completed'
  | 'unhealthy'
  | 'restarting'
  | 'failing'
  | 'stopping'

/** One replica or node, or a tier's balancer. */
export interface ReplicaState {
  /** As in `ragscale logs` and every message: `embed-2`, `embed-balancer`. */
  readonly name: string
  readonly tier: string
  /** Its number in its tier, or `balancer`. */
  readonly replica: string
  readonly component: string
  /** Of what runs, as its image says: `v1.19.0`, `sha256:…`; absent where nobody says. */
  readonly version?: string | null
  readonly state: ReplicaCondition
  /** Why it is in that state, in words. */
  readonly because: string | null
  readonly url: string | null
  readonly pid: number | null
  /** Milliseconds since 1970. */
  readonly startedAt: number | null
  readonly restarts: number
  readonly cpuCores: number | null
  readonly memoryBytes: number | null
  /** The last lines that it wrote, when something is wrong. */
  readonly lastLines: readonly string[]
}

/** URLs by what is called; several take turns. */
export type RunningEndpoints = Readonly<Partial<Record<EndpointName, readonly string[]>>>

/** What was found; each target adds what its own `plan` needs. */
export interface Observed {
  /** Whether anything of the stack runs. */
  readonly running: boolean
  readonly replicas: readonly ReplicaState[]
  /** What the user should know beside the replicas, in sentences. */
  readonly notes: readonly string[]
  /** Paths of stored data, whether or not anything runs. */
  readonly kept: readonly string[]
}

/** One thing to do, as data. */
export interface Step {
  /** In words, with an imperative: `start embed-2 (tei)`. */
  readonly what: string
  /** Its cause, in words: `ragscale.yaml asks for 2 replicas of embed, 1 runs`. */
  readonly because: string
  readonly tier: string | null
}

export type Progress =
  | { readonly kind: 'replica'; readonly replica: ReplicaState }
  | { readonly kind: 'gone'; readonly name: string }
  | { readonly kind: 'note'; readonly text: string }

export interface ExecuteOptions {
  readonly onProgress: (progress: Progress) => void
  /** Ctrl-C: what runs is left as it was found, or as far as it came; the error says which. */
  readonly signal: AbortSignal
  /** How long everything that is started may take to be healthy, and what is stopped to end. */
  readonly timeoutMs: number
}

/** Addresses of what runs, for as long as they are held open. */
export interface Connection {
  readonly endpoints: RunningEndpoints
  /** As `StackTarget.vectorNodes`. */
  readonly vectorNodes: readonly NodeAddress[]
  /**
   * Why nobody can be reached through it now, in words (`the API server of … does not answer`); null: nothing is known
   * of that. Absent where nothing stands in between.
   */
  obstacle?(): Promise<string | null>
  /** What is in flight through it is cut off; a second call does nothing. */
  close(): Promise<void>
}

export interface LogLine {
  /** As `ReplicaState.name`. */
  readonly name: string
  readonly text: string
}

export interface LogOptions {
  /** Only of this tier; null for all. */
  readonly tier: string | null
  readonly follow: boolean
  /** The last lines of each replica to begin with. */
  readonly lines: number
  readonly signal: AbortSignal
}

export interface LockOptions {
  /** How long to wait for whoever holds it. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Called once, with who holds it, when it has to be waited for. */
  readonly onWait: (who: string) => void
}

/**
 * Two versions of a tier at once. `plan` of a stack with `split` starts the second version, waits until it is healthy
 * and only then lets the balancer send it its share, which it changes without a restart; `plan` of the stack without
 * it takes its share away first and its replicas after. Every step may be repeated.
 */
export interface RolloutTarget {
  /** Why this tier cannot be split here, in a sentence, and what to do instead; null: it can. */
  refusal(stack: Stack, tier: SplitTier): string | null
  /** The same of what runs, by what was observed; absent: there is none. */
  obstacle?(
    stack: Stack,
    tier: SplitTier,
    observed: Observed,
  ): { readonly why: string; readonly hint: string } | null
  /**
   * Whether every balancer goes by the shares of the stack that was observed; absent where one that starts anew does
   * so too. What was measured while one did not may be of the other release.
   */
  goBy?(observed: Observed): boolean
  /**
   * Requests that the balancer has passed on to each release of the tier since it began, whoever sent them;
   * null where nobody counts them.
   */
  served?(observed: Observed, tier: SplitTier): Promise<ReleaseCounts | null>
}

export interface ReleaseCounts {
  readonly current: number
  readonly next: number
}

/** A stack's target. One object serves one stack's folder; its counts may differ from call to call. */
export interface StackTarget {
  readonly name: Target
  observe(stack: Stack): Promise<Observed>
  /**
   * From what was observed to what the stack says; `by`: whose word that is, for the causes (`ragscale.yaml`). The
   * stack is the one that `observe` was given, so that a target may look up there what its plan needs.
   */
  plan(stack: Stack, observed: Observed, by?: string): readonly Step[]
  /** From what was observed to nothing; `volumes`: its stored data too. */
  planDown(stack: Stack, observed: Observed, options: { readonly volumes: boolean }): readonly Step[]
  /**
   * @throws UserError: exit 4 when a replica never became healthy, naming it; 130 when interrupted
   */
  execute(steps: readonly Step[], options: ExecuteOptions): Promise<void>
  /**
   * After an error of `execute`, or of an `observe` after it: true where its cause is over (an engine was restarted, and
   * was waited for) or can be mended by a plan, so that all is to be observed, planned and executed again; false where
   * it is of another kind. Absent: nothing is.
   * @throws UserError: exit 4 when the cause does not end in time; 130 when interrupted
   */
  recover?(error: unknown, options: ExecuteOptions): Promise<boolean>
  endpoints(observed: Observed): RunningEndpoints
  /** For a target whose addresses are there only while somebody holds them open; absent where `endpoints` are always. */
  connect?(observed: Observed): Promise<Connection>
  /** As `connect`, for whoever asks the Qdrant cluster itself; absent where `connect` or `vectorNodes` tell of its nodes. */
  connectVector?(observed: Observed): Promise<Connection>
  /** Throws where the stack was last brought up in another place than this: what does not run here may run there. */
  assertSamePlace?(observed: Observed): void
  /**
   * Of some steps of a plan, whether they can be done without the others. Absent: always.
   * @throws UserError saying what else would be done with them
   */
  assertSeparable?(steps: readonly Step[]): void
  /** What a user has to agree to before these steps, as a question; null: nothing. Absent: nothing ever. */
  confirmation?(observed: Observed, steps: readonly Step[]): string | null
  /** The nodes of tier `vector`, each by its own address; without it they are asked through the tier's endpoint. */
  vectorNodes?(observed: Observed): readonly NodeAddress[]
  /**
   * What callers of its tiers have to know, by the environment variable that names it (`QDRANT_API_KEY`): handed over in
   * memory, and written nowhere. Absent where nothing is secret.
   */
  secrets?(stack: Stack): Promise<Readonly<Record<string, string>>>
  /** Samples taken since the call before, about one a second and replica; at first the newest of each. */
  sample(): Promise<ReplicaSample[]>
  logs(options: LogOptions): AsyncIterable<LogLine>
  /** Absent where no tier can be split. */
  readonly rollout?: RolloutTarget
  /** Holds changes of this stack by others off. */
  lock(what: string, options: LockOptions): Promise<{ release(): Promise<void> }>
}
