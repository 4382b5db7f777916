import { recommend } from '../../../src/capacity/recommend.ts'
import type { Recommendation } from '../../../src/capacity/types.ts'
import { examine, measure, quantile, type HiddenStack } from './proving-ground.ts'

export interface Proof {
  readonly stack: HiddenStack
  readonly recommendation: Recommendation
  readonly counts: readonly number[]
  readonly met: boolean
  /** Largest of latency ÷ limit at the recommended counts, predicted and examined. */
  readonly predictedWorst: number
  readonly examinedWorst: number
  /** Tiers that could have had one replica less: the SLO held, and no tier was beyond 85 % of its true knee. */
  readonly spare: readonly string[]
  /** By percentile: predicted, its band, and what the emulators did. */
  readonly accuracy: readonly {
    percentile: string
    predicted: number
    band: readonly [number, number]
    examined: number
  }[]
}

/** Measures a stack, asks for a recommendation, and examines it and every stack with one replica less. */
export function prove(stack: HiddenStack, queries: number): Proof {
  const answer = recommend({
    tiers: stack.tiers.map((tier) => ({ tier: tier.name, replicas: 1, policy: tier.policy })),
    policy: 'least-connections',
    rate: stack.rate,
    arrivals: { kind: 'poisson' },
    slo: stack.slo,
    limits: { replicas: 60, gpus: null, budgetPerMonth: null },
    spare: 0,
    measurements: measure(stack),
    prices: {
      date: '2026-11-01',
      currency: 'USD',
      gpuHour: {},
      replicaHour: { gateway: 1, embed: 1, rerank: 1, generate: 1 },
    },
    seed: stack.seed,
  })
  if (!answer.ok) throw new Error(`stack ${stack.seed}: ${answer.refusal.because}`)
  const { recommendation } = answer
  const counts = stack.tiers.map((tier) => recommendation.tiers[tier.name]!.then.replicas!)
  const truth = examine(stack, counts, queries)
  const spare = stack.tiers.filter((tier, i) => {
    const fewer = counts.map((n, j) => (i === j ? n - 1 : n))
    return (
      counts[i]! > 1 &&
      stack.rate / (fewer[i]! * tier.knee) <= 0.85 &&
      examine(stack, fewer, queries).worst <= 1
    )
  })
  const { latency } = recommendation.predicted
  return {
    stack,
    recommendation,
    counts,
    met: truth.worst <= 1,
    predictedWorst: Math.max(...recommendation.slo.map((slo) => slo.predicted! / slo.limit)),
    examinedWorst: truth.worst,
    spare: spare.map((tier) => tier.name),
    accuracy: [
      {
        percentile: 'p50',
        predicted: latency.p50,
        band: latency.p50Band,
        examined: quantile(truth.sorted, 0.5),
      },
      {
        percentile: 'p95',
        predicted: latency.p95,
        band: latency.p95Band,
        examined: quantile(truth.sorted, 0.95),
      },
      {
        percentile: 'p99',
        predicted: latency.p99,
        band: latency.p99Band,
        examined: quantile(truth.sorted, 0.99),
      },
    ],
  }
}
