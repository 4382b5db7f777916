export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

/**
 * The 95 % interval of a median that assumes nothing of the distribution: order statistics at the ranks
 * n/2 ∓ 0.98·√n (Hollander & Wolfe, Nonparametric Statistical Methods, 3.6).
 */
export function intervalOfMedian(values: readonly number[]): [number, number] {
  const sorted = values.toSorted((a, b) => a - b)
  const half = 0.98 * Math.sqrt(sorted.length)
  const low = Math.max(0, Math.floor(sorted.length / 2 - half))
  const high = Math.min(sorted.length - 1, Math.ceil(sorted.length / 2 + half) - 1)
  return [sorted[low] ?? Number.NaN, sorted[high] ?? Number.NaN]
}
