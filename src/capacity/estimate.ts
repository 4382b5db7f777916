import { quantileOfSorted } from './distribution.ts'
import type { PredictedMetric } from './types.ts'

/** Student's t for 95 %, two-sided, 19 degrees of freedom: 20 batches. */
const t19 = 2.093
const batches = 20

export interface Estimate {
  readonly value: number
  /** Half-width of the 95 % interval, by batch means. */
  readonly halfWidth: number
}

/** Quantiles of values that are in the order of time: a queue's neighbours are alike, so batches tell the error. */
export function quantilesWithin(values: Float64Array, probabilities: readonly number[]): Estimate[] {
  const sorted = values.slice().sort()
  const size = Math.floor(values.length / batches)
  const sums = probabilities.map(() => ({ sum: 0, square: 0 }))
  for (let batch = 0; batch < (size > 1 ? batches : 0); batch++) {
    const part = values.slice(batch * size, (batch + 1) * size).sort()
    probabilities.forEach((probability, i) => {
      const one = quantileOfSorted(part, probability)
      sums[i]!.sum += one / batches
      sums[i]!.square += (one * one) / batches
    })
  }
  return probabilities.map((probability, i) => {
    const { sum, square } = sums[i]!
    const deviation = Math.sqrt((Math.max(0, square - sum * sum) * batches) / (batches - 1))
    return {
      value: quantileOfSorted(sorted, probability),
      halfWidth: size > 1 ? (t19 * deviation) / Math.sqrt(batches) : Number.POSITIVE_INFINITY,
    }
  })
}

const shown = [0.5, 0.9, 0.95, 0.99] as const

/**
 * What is predicted of a metric: the middle from the best estimate, each band from simulations with everything
 * quicker and slower by the uncertainty of what was measured, widened by the simulation's own.
 */
export function predictedOf(
  best: Float64Array,
  quicker: Float64Array,
  slower: Float64Array,
): PredictedMetric {
  const estimates = quantilesWithin(best, shown)
  const low = quicker.slice().sort()
  const high = slower.slice().sort()
  const value = (i: number): number => rounded(estimates[i]!.value)
  const band = (i: number): readonly [number, number] =>
    bandOf(estimates[i]!, quantileOfSorted(low, shown[i]!), quantileOfSorted(high, shown[i]!))
  return {
    p50: value(0),
    p90: value(1),
    p95: value(2),
    p99: value(3),
    p50Band: band(0),
    p95Band: band(2),
    p99Band: band(3),
  }
}

/** Two independent errors, of the measurements and of the simulation, add up in squares. */
export function bandOf({ value, halfWidth }: Estimate, low: number, high: number): readonly [number, number] {
  return [
    rounded(Math.max(0, value - Math.hypot(Math.max(0, value - low), halfWidth))),
    rounded(value + Math.hypot(Math.max(0, high - value), halfWidth)),
  ]
}

/** Four significant digits: more would claim what nobody measured. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : value
}
