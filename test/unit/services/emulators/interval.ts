/** Student's t, 99 % two-sided, 39 degrees of freedom. */
const t39 = 2.708

/** A statistic's 99 % confidence interval by the method of batch means, over 40 batches. */
export function batchMeans(
  values: Float64Array,
  batches: 40,
  of: (batch: Float64Array) => number,
): { low: number; high: number } {
  const size = Math.floor(values.length / batches)
  const each = Array.from({ length: batches }, (_, batch) =>
    of(values.subarray(batch * size, (batch + 1) * size)),
  )
  const mean = each.reduce((sum, value) => sum + value, 0) / batches
  const variance = each.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (batches - 1)
  const half = t39 * Math.sqrt(variance / batches)
  return { low: mean - half, high: mean + half }
}

/** Nearest rank. */
export function p99(values: Float64Array): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.ceil(0.99 * sorted.length) - 1]!
}
