import { quantileOfSorted, quantilesOf } from './distribution.ts'
import type { SimulatedTier } from './model.ts'
import { PipelineSimulation, type TierCounts } from './simulate.ts'
import type { ArrivalLaw, MeasuredStep } from './types.ts'

/** A pipeline measured whole, on tiers whose models are known. */
export interface PipelineSteps {
  readonly counts: readonly TierCounts[]
  readonly arrivals: ArrivalLaw
  /** Valid and not saturated. */
  readonly steps: readonly MeasuredStep[]
}

export interface Correlation {
  /** Of the Gaussian copula, 0 … 1. */
  readonly value: number
  /** Queries that it was read from. */
  readonly queries: number
  /** How far the pipeline is from its tiers, with the correlation and without, in squared standard errors a quantile. */
  readonly mismatch: number
  readonly mismatchIndependent: number
}

const tried = [0, 0.2, 0.4, 0.6, 0.8, 0.95]
const compared = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]
const simulated = { queries: 10_000, warmup: 500 }

/** Less than this does not tell correlation from chance. */
const significant = 2

/**
 * How strongly a query that is slow in one tier is slow in the next: the correlation under which the tiers, put
 * together, give the measured latencies of the pipeline. Slow stages that coincide lift the pipeline's P99 above
 * what its stages' percentiles suggest.
 */
export function correlationOf(
  tiers: readonly SimulatedTier[],
  pipeline: PipelineSteps,
  seed: number,
): Correlation {
  let best = { value: 0, sum: Number.POSITIVE_INFINITY }
  let independent = 0
  const steps = pipeline.steps.slice(0, 2)
  for (const value of tried) {
    const sum = steps.reduce((total, step) => total + apart(tiers, pipeline, step, value, seed), 0)
    if (value === 0) independent = sum
    if (sum < best.sum) best = { value, sum }
  }
  if (independent - best.sum < significant) best = { value: 0, sum: independent }
  const terms = Math.max(1, steps.length * compared.length)
  return {
    value: best.value,
    queries: steps.reduce((sum, step) => sum + Math.round(step.completed * step.seconds), 0),
    mismatch: best.sum / terms,
    mismatchIndependent: independent / terms,
  }
}

function apart(
  tiers: readonly SimulatedTier[],
  { counts, arrivals }: PipelineSteps,
  step: MeasuredStep,
  correlation: number,
  seed: number,
): number {
  const load = { rate: step.offered, arrivals, seed, ...simulated }
  const latencies = new PipelineSimulation(tiers, load, correlation).run(counts).latencyMs.sort()
  const measured = quantilesOf(step.samples, compared)
  const requests = step.completed * step.seconds
  let sum = 0
  for (let i = 0; i < compared.length; i++) {
    const p = compared[i]!
    if ((1 - p) * requests < 3) continue
    // A quantile's standard error, read off the law itself: from the quantiles one binomial deviation to either side.
    const side = Math.sqrt((p * (1 - p)) / requests)
    const error =
      Math.log(
        quantileOfSorted(latencies, Math.min(0.9999, p + side)) /
          quantileOfSorted(latencies, Math.max(1e-4, p - side)),
      ) / 2
    sum += Math.log(measured[i]! / quantileOfSorted(latencies, p)) ** 2 / (error ** 2 + 0.01 ** 2)
  }
  return sum
}
