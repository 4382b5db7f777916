/**
 * What the recommender is told and what it answers. It knows nothing of files, k6 or Docker: a caller turns
 * runs into measurements, and the stack into tiers. Times are milliseconds, rates are a second.
 */
import type { BalancerPolicy, Collection, Limits, Slo, Stage, Tier } from '../stack/stack.ts'

/** A histogram: `[value, count]` with values ascending. A caller makes it from merged HdrHistograms. */
export type Distribution = readonly (readonly [value: number, count: number])[]

export type ArrivalLaw =
  | { readonly kind: 'poisson' | 'constant' }
  | {
      readonly kind: 'gamma'
      /** Squared coefficient of variation of the gaps. */ readonly burstiness: number
    }

/** One rate of a sweep. */
export interface MeasuredStep {
  readonly id?: string
  /** Requests a second: scheduled, sent, and succeeded. */
  readonly offered: number
  readonly achieved: number
  readonly completed: number
  /** The window that was measured, and the warm-up at the same rate before it. */
  readonly seconds: number
  readonly warmupSeconds?: number
  readonly valid: boolean
  readonly saturated: boolean
  /** Failed ÷ scheduled, 0 … 1. */
  readonly errorsShare: number
  /** Requests in flight beyond which arrivals were shed. */
  readonly maxInFlight?: number | null
  /** Latency of the successes. */
  readonly samples: Distribution
  readonly ttft?: Distribution
  readonly tpot?: Distribution
  readonly itlGap?: Distribution
  /** Means a request. */
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly queue?: number | null
  readonly cpuCores?: number | null
  /** Of a pipeline step: latencies of the tiers inside it. */
  readonly tiers?: Readonly<Partial<Record<Tier, Distribution>>>
  /** Of a pipeline step: CPU cores that each tier used, summed over its replicas. */
  readonly tierCpuCores?: Readonly<Partial<Record<Tier, number>>>
}

/** A sweep (or any steps) of one stage of one stack. */
export interface Measurement {
  /** The id of the run it came from. */
  readonly run: string
  readonly stage: Stage
  /** The tier that the stage exercises alone; null for `pipeline`. */
  readonly tier: Tier | null
  /** Replicas (nodes) behind the stage when it was measured. */
  readonly replicas: number
  /** Of the vector tier: shards of the collection that was searched. */
  readonly shards?: number
  readonly arrivals?: ArrivalLaw
  /** The counts of every tier when a pipeline was measured. */
  readonly counts?: Readonly<Partial<Record<Tier, number>>>
  readonly steps: readonly MeasuredStep[]
}

/** A tier as it is today. */
export interface TierNow {
  readonly tier: Tier
  /** Replicas, or nodes of the vector tier. */
  readonly replicas: number
  /** Requests to this tier for each query; 1 unless caches or fan-out change it. */
  readonly visits?: number
  /** How its balancer chooses; the input's policy where absent. */
  readonly policy?: BalancerPolicy
  /** GPUs that one replica takes, of this kind. */
  readonly gpus?: number
  readonly gpu?: string
  readonly tensorParallel?: number
  /** CPU cores that one replica can use, of a tier that is nothing but CPU work: with it CPU time tells the knee. */
  readonly cores?: number
  /** Of the vector tier. */
  readonly collection?: Collection
  /** Of a tier that an API provider runs: one of it, for as much as its limits allow. */
  readonly provided?: Provided
}

/** An API provider's terms, for the requests of this stack. */
export interface Provided {
  /** What its limits allow; null where none is known. */
  readonly requestsPerSecond: number | null
  /** In the price table's currency; null where no price is known. */
  readonly pricePerRequest: number | null
  /** Where the two come from, one sentence each. */
  readonly because: readonly string[]
}

export interface PriceTable {
  /** The day on which the prices were read, YYYY-MM-DD. */
  readonly date: string
  readonly currency: string
  /** Price of a GPU-hour by its kind. */
  readonly gpuHour: Readonly<Record<string, number>>
  /** Price of an hour of a replica without a GPU, by tier. */
  readonly replicaHour: Readonly<Partial<Record<Tier, number>>>
}

export interface RecommendInput {
  /** In the order in which a query visits them. */
  readonly tiers: readonly TierNow[]
  readonly policy: BalancerPolicy
  /** Queries a second to hold, before growth. */
  readonly rate: number
  /** Multiplies the rate; 1 where absent. */
  readonly growth?: number
  readonly arrivals: ArrivalLaw
  readonly slo: readonly Slo[]
  readonly limits: Pick<Limits, 'replicas' | 'gpus' | 'budgetPerMonth'>
  /** Replicas of each tier that may be lost without breaking an SLO. */
  readonly spare: number
  readonly measurements: readonly Measurement[]
  readonly prices: PriceTable
  readonly seed: number
}

/** `high`: interpolated; `medium`: extrapolated at most 1.5 ×; `low`: beyond that, or no knee was measured. */
export type Confidence = 'high' | 'medium' | 'low'

export interface Counts {
  readonly replicas?: number
  readonly nodes?: number
  readonly shards?: number
  readonly replication?: number
  readonly memoryPerNodeBytes?: number
  readonly tensorParallel?: number
}

export interface TierRecommendation {
  readonly now: Counts
  readonly then: Counts
  /** Requests a second that one replica may be given. */
  readonly capacityPerReplica: number
  /** The band of that capacity (95 %). */
  readonly capacityBand: readonly [number, number]
  /** The rate beyond which one replica's latency grows without bound; null when no sweep reached it. */
  readonly kneePerReplica: number | null
  /** Of the knee (or the highest measured rate, where no knee is known) at the recommended counts. */
  readonly utilization: number
  /** What keeps the count from being one lower: an SLO's `on` without its stage, `utilization`, `availability`, `spare`, `minimum` or `provider`. */
  readonly boundBy: string
  readonly confidence: Confidence
  readonly model: string
  readonly visits: number
  readonly because: readonly string[]
}

export interface PredictedMetric {
  readonly p50: number
  readonly p90: number
  readonly p95: number
  readonly p99: number
  readonly p99Band: readonly [number, number]
  readonly p50Band: readonly [number, number]
  readonly p95Band: readonly [number, number]
}

export interface PredictedSlo {
  readonly on: string
  readonly unit: Slo['unit']
  readonly limit: number
  /** Null where what was measured says nothing of it: `because` then says what is missing. */
  readonly predicted: number | null
  readonly band: readonly [number, number] | null
  readonly ok: boolean | null
  readonly because: string
}

export interface Recommendation {
  readonly schema: 'ragscale.recommendation/1'
  readonly for: {
    readonly rate: number
    readonly slo: readonly Slo[]
    readonly spare: number
    readonly growth: number
  }
  readonly from: readonly string[]
  readonly bottleneck: {
    readonly tier: Tier
    /** Queries a second, today. */ readonly capacity: number
    readonly because: string
  }
  readonly tiers: Readonly<Partial<Record<Tier, TierRecommendation>>>
  /** Of the pipeline of the tiers above, and of each of them. */
  readonly predicted: {
    readonly latency: PredictedMetric
    readonly ttft: PredictedMetric | null
    readonly tiers: Readonly<Partial<Record<Tier, PredictedMetric>>>
  }
  readonly slo: readonly PredictedSlo[]
  readonly cost: {
    readonly perMonth: number
    readonly per1kQueries: number
    readonly currency: string
    readonly pricesOf: string
    /** Tiers for which the table has no price; they are left out of the cost. */
    readonly unpriced: readonly Tier[]
  }
  /** Whether today's counts hold the rate within every SLO that could be judged. */
  readonly sufficient: boolean
  /** Whether the recommended counts do, within the limits; if not, `notes` says what stands against it. */
  readonly feasible: boolean
  /** Whether every cheaper combination of counts was ruled out. */
  readonly cheapest: boolean
  /** Tiers of the stack that nothing was measured of: their counts are not judged. */
  readonly unmeasured: readonly { readonly tier: Tier; readonly run: string }[]
  readonly notes: readonly string[]
  /** Filled in by `recommend --verify`. */
  readonly verified: unknown
}

/** Why there is no recommendation, and the commands that would change that. */
export interface Refusal {
  readonly because: string
  readonly run: readonly string[]
}

export type Answer =
  | { readonly ok: true; readonly recommendation: Recommendation }
  | { readonly ok: false; readonly refusal: Refusal }
