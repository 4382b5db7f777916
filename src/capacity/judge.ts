import type { Slo, Stage, Tier } from '../stack/stack.ts'
import { quantileOfSorted } from './distribution.ts'
import { bandOf, quantilesWithin, rounded } from './estimate.ts'
import { streams } from './model.ts'
import type { Known } from './pipeline.ts'
import type { Simulated } from './simulate.ts'
import type { PredictedSlo } from './types.ts'

export const stageOfTier: Readonly<Partial<Record<Tier, Stage>>> = {
  embed: 'embed',
  vector: 'retrieve',
  rerank: 'rerank',
  generate: 'generate',
}

const probabilities = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p999: 0.999 } as const

/** An SLO that the simulation can be held against. */
export interface Judged {
  readonly slo: Slo
  readonly times: (simulated: Simulated) => Float64Array
  /** Where in the successes' law the limit lies: a failure counts as an infinite latency. */
  readonly probability: number
}

/** The times that an SLO is about, or why they are not known. */
export function judged(slo: Slo, known: readonly Known[], unmeasured: readonly Tier[]): Judged | string {
  if (slo.percentile === null) return 'it is no percentile'
  const probability = probabilities[slo.percentile] / (1 - failedShare(slo.stage, known))
  const streaming = known.findIndex(({ calibrated }) => streams(calibrated.model))
  if (slo.stage === 'pipeline') {
    if (unmeasured.length > 0) return `nothing was measured of ${unmeasured.join(', ')}`
    if (slo.metric === 'latency') return { slo, probability, times: (simulated) => simulated.latencyMs }
    if (slo.metric !== 'ttft' && slo.metric !== 'rag_ttft')
      return `${slo.metric} of a pipeline is not simulated`
    if (streaming < 0) return 'no tier was measured to stream tokens'
    return { slo, probability, times: (simulated) => simulated.ttftMs! }
  }
  const index = known.findIndex(({ now }) => stageOfTier[now.tier] === slo.stage)
  if (index < 0) return `nothing was measured of stage ${slo.stage}`
  if (slo.metric === 'latency') return { slo, probability, times: (simulated) => simulated.tierMs[index]! }
  if (index !== streaming) return `stage ${slo.stage} was not measured to stream tokens`
  if (slo.metric === 'ttft') return { slo, probability, times: (simulated) => simulated.tierTtftMs[index]! }
  if (slo.metric === 'tpot') return { slo, probability, times: (simulated) => simulated.tierTpotMs[index]! }
  return `${slo.metric} is not simulated`
}

/** Failures ÷ requests of a stage where nothing is overloaded. */
export function failedShare(stage: Stage, known: readonly Known[]): number {
  const visited = known.filter(({ now }) => stage === 'pipeline' || stageOfTier[now.tier] === stage)
  return 1 - visited.reduce((well, { calibrated }) => well * (1 - calibrated.errorsShare), 1)
}

function valueOf({ times, probability }: Judged, simulated: Simulated): number {
  return quantileOfSorted(times(simulated).slice().sort(), probability)
}

/** Largest of predicted ÷ limit, and the SLO that it is of; 0 and null without SLOs. */
export function worstOf(simulated: Simulated, slos: readonly Judged[]): { ratio: number; slo: Slo | null } {
  let worst: { ratio: number; slo: Slo | null } = { ratio: 0, slo: null }
  for (const one of slos) {
    const ratio = valueOf(one, simulated) / one.slo.limit
    if (ratio > worst.ratio) worst = { ratio, slo: one.slo }
  }
  return worst
}

export interface Simulations {
  readonly best: Simulated
  readonly quicker: Simulated
  readonly slower: Simulated
}

export function predictedSlo(
  slo: Slo,
  known: readonly Known[],
  unmeasured: readonly Tier[],
  { best, quicker, slower }: Simulations,
): PredictedSlo {
  const base = { on: slo.on, unit: slo.unit, limit: slo.limit }
  if (slo.percentile === null) {
    const share = failedShare(slo.stage, known)
    const because = 'failures where nothing was overloaded; more replicas do not change them'
    return { ...base, predicted: share, band: null, ok: share <= slo.limit, because }
  }
  const one = judged(slo, known, unmeasured)
  if (typeof one === 'string') return { ...base, predicted: null, band: null, ok: null, because: one }
  if (one.probability >= 1) {
    const because =
      'so many requests failed, where nothing was overloaded, that the percentile is one of failures'
    return { ...base, predicted: null, band: null, ok: false, because }
  }
  const [estimate] = quantilesWithin(one.times(best), [one.probability])
  const band = bandOf(estimate!, valueOf(one, quicker), valueOf(one, slower))
  const because = 'simulated with the measured laws at the recommended counts'
  return { ...base, predicted: rounded(estimate!.value), band, ok: estimate!.value <= slo.limit, because }
}
