import type { BalancerPolicy, Tier } from '../stack/stack.ts'
import type { Table } from './distribution.ts'
import type { ArrivalLaw } from './types.ts'

/** `servers` that each serve one request at a time from one queue. */
export interface FifoModel {
  readonly kind: 'fifo'
  readonly servers: number
  readonly service: Table
  /** Added to every request without occupying a server: network, parsing. */
  readonly overheadMs: number
  /** Parts that one request was split into when measured; `service` is of one part. */
  readonly shards: number
}

/** One batch at a time: α + the work of each request in it; the next batch takes what has come meanwhile, up to `maxBatch`. */
export interface BatchingModel {
  readonly kind: 'batching'
  readonly alphaMs: number
  /** The part of a lone request's time that adds up over a batch. */
  readonly own: Table
  /** Multiplies a batch's time; mean 1. */
  readonly noise: Table
  readonly maxBatch: number
  readonly overheadMs: number
}

/** Iteration-level batching of token generation: ITL = α + β·batch, prefill γ + δ·tokens. */
export interface ContinuousModel {
  readonly kind: 'continuous'
  /** ITL = α + β·batch, ms. */
  readonly alphaMs: number
  readonly betaMs: number
  /** γ: what an iteration that takes up prompts costs, however many they are. */
  readonly prefillOnceMs: number
  /** δ·tokens: what each of them adds. */
  readonly prefill: Table
  readonly outputTokens: Table
  readonly maxSequences: number
  readonly overheadMs: number
}

/** Requests that do not wait for each other: a provider's, within its limits. */
export interface IndependentModel {
  readonly kind: 'independent'
  readonly latency: Table
  /** To the first token, of the same request as at the same place of `latency`; null where none was measured. */
  readonly ttft: Table | null
  /** Mean. */
  readonly outputTokens: number
}

export type TierModel = FifoModel | BatchingModel | ContinuousModel | IndependentModel

/** Whether requests have a first token before their end. */
export function streams(model: TierModel): boolean {
  return model.kind === 'continuous' || (model.kind === 'independent' && model.ttft !== null)
}

/** What calibration makes of a tier's measurements. */
export interface Calibrated {
  readonly tier: Tier
  readonly model: TierModel
  /** Requests a second of one replica beyond which latency grows without bound; null when no step reached it. */
  readonly knee: number | null
  /** What one replica may be given at most: the knee's share, or the highest believable rate. */
  readonly ceiling: number
  /** Relative standard error of the knee and of every time in the model. */
  readonly error: number
  /** Rates of one replica that were measured, valid and not past the knee. */
  readonly measured: { readonly lowest: number; readonly highest: number }
  /** USL's contention between replicas; 0 where it was not measured. */
  readonly contention: number
  readonly contentionKnown: boolean
  readonly replicasMeasured: number
  /** Mean square of (measured − modelled) in standard errors. */
  readonly mismatch: number
  /** Whether it was measured alone, or only read from a pipeline's spans. */
  readonly alone: boolean
  /** Failures ÷ requests where the tier was not overloaded. */
  readonly errorsShare: number
  readonly runs: readonly string[]
  readonly because: readonly string[]
}

/** A tier as the simulation runs it. */
export interface SimulatedTier {
  readonly name: Tier
  readonly model: TierModel
  readonly replicas: number
  readonly policy: BalancerPolicy
  readonly visits: number
  readonly contention: number
  readonly shards?: number
  readonly replication?: number
}

export interface Load {
  readonly rate: number
  readonly arrivals: ArrivalLaw
  /** Queries counted, after `warmup` that are not. */
  readonly queries: number
  readonly warmup: number
  readonly seed: number
}
