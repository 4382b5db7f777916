import { quantileOfSorted } from './distribution.ts'
import type { PredictedMetric } from './types.ts'

/** Student's t for 95 %, two-sided, 19 degrees of freedom: 20 batches. */
const t19 = 2.093
const batches = 20

/** A quantile of values in the order of time, with the half-width of its 95 % interval by batch means. */
export function quantileWithin(
  values: Float64Array,
  probability: number,
): { value: number; halfWidth: number } {
  const value = quantileOfSorted(values.slice().sort(), probability)
  const size = Math.floor(values.length / batches)
  if (size < 2) return { value, halfWidth: Number.POSITIVE_INFINITY }
  let sum = 0
  let square = 0
  for (let batch = 0; batch < batches; batch++) {
    const one = quantileOfSorted(values.slice(batch * size, (batch + 1) * size).sort(), probability)
    sum += one / batches
    square += (one * one) / batches
  }
  const deviation = Math.sqrt((Math.max(0, square - sum * sum) * batches) / (batches - 1))
  return { value, halfWidth: (t19 * deviation) / Math.sqrt(batches) }
}

/**
 * What is predicted of a metric: the middle from the best estimate, each band from simulations with everything
 * slower and quicker by the uncertainty of what was measured, widened by the simulation's own.
 */
export function predictedOf(
  best: Float64Array,
  quicker: Float64Array,
  slower: Float64Array,
): PredictedMetric {
  const sorted = best.slice().sort()
  const low = quicker.slice().sort()
  const high = slower.slice().sort()
  const band = (probability: number): readonly [number, number] => {
    const { halfWidth } = quantileWithin(best, probability)
    return [
      rounded(Math.max(0, quantileOfSorted(low, probability) - halfWidth)),
      rounded(quantileOfSorted(high, probability) + halfWidth),
    ]
  }
  return {
    p50: rounded(quantileOfSorted(sorted, 0.5)),
    p90: rounded(quantileOfSorted(sorted, 0.9)),
    p95: rounded(quantileOfSorted(sorted, 0.95)),
    p99: rounded(quantileOfSorted(sorted, 0.99)),
    p50Band: band(0.5),
    p95Band: band(0.95),
    p99Band: band(0.99),
  }
}

/** Four significant digits: more would claim what nobody measured. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : value
}
