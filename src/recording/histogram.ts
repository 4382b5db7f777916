/**
 * Merged latency histograms, as arithmetic: no file, no library.
 *
 * A histogram holds what HdrHistogram's buckets hold, sparsely: the middle of each bucket that was hit, in
 * integer nanoseconds, and how often. With three significant digits a bucket is at most 1/1024 of its value
 * wide, so a value read from one is within 0.05 % of the sample that went in.
 */
import type { Percentile } from '../stack/stack.ts'

export interface Histogram {
  readonly count: number
  /** Ascending; each the middle of one bucket, nanoseconds. */
  readonly valuesNs: Float64Array
  readonly counts: Float64Array
}

export const emptyHistogram: Histogram = {
  count: 0,
  valuesNs: new Float64Array(0),
  counts: new Float64Array(0),
}

/** The histogram of `[nanoseconds, count]` pairs in any order; equal values add up. */
export function histogramOf(buckets: Iterable<readonly [number, number]>): Histogram {
  const byValue = new Map<number, number>()
  let count = 0
  for (const [valueNs, times] of buckets) {
    byValue.set(valueNs, (byValue.get(valueNs) ?? 0) + times)
    count += times
  }
  const valuesNs = Float64Array.from(byValue.keys()).sort()
  const counts = valuesNs.map((valueNs) => byValue.get(valueNs) ?? 0)
  return { count, valuesNs, counts }
}

/** All of them as one, bucket for bucket: nothing is lost, whatever the order. */
export function mergeHistograms(histograms: Iterable<Histogram>): Histogram {
  return histogramOf(bucketsOfAll(histograms))
}

function* bucketsOfAll(histograms: Iterable<Histogram>): Generator<readonly [number, number]> {
  for (const histogram of histograms) yield* bucketsOf(histogram)
}

/** `[nanoseconds, count]`, ascending. */
export function* bucketsOf(histogram: Histogram): Generator<readonly [number, number]> {
  for (let index = 0; index < histogram.valuesNs.length; index++) {
    yield [histogram.valuesNs[index] ?? 0, histogram.counts[index] ?? 0]
  }
}

/** In thousandths, so that ranks are computed in integers. */
const thousandths: Readonly<Record<Percentile, number>> = {
  p50: 500,
  p90: 900,
  p95: 950,
  p99: 990,
  p999: 999,
}

/** A percentile's share of the samples, 0 … 1. */
export function shareOf(percentile: Percentile): number {
  return thousandths[percentile] / 1000
}

/**
 * Nearest rank (Hyndman & Fan 1996, definition 1): the smallest value with at least this share of the
 * samples at or below it, nanoseconds. `failures` are samples of infinite value, which is how an SLO sees
 * a failed request. Null without any sample.
 */
export function percentileNs(histogram: Histogram, percentile: Percentile, failures = 0): number | null {
  const total = histogram.count + failures
  if (total === 0) return null
  return atRank(histogram, Math.ceil((thousandths[percentile] * total) / 1000))
}

/** As `percentileNs`, for any share of the samples, 0 … 1. */
export function quantileNs(histogram: Histogram, share: number): number | null {
  if (histogram.count === 0) return null
  // A product such as 0.07 × 100 is a hair above its integer; the rank must not be.
  return atRank(histogram, Math.max(1, Math.ceil(share * histogram.count - 1e-9)))
}

function atRank(histogram: Histogram, rank: number): number {
  let seen = 0
  for (let index = 0; index < histogram.counts.length; index++) {
    seen += histogram.counts[index] ?? 0
    if (seen >= rank) return histogram.valuesNs[index] ?? 0
  }
  return Infinity
}

/** How many samples are at or below a value. */
export function countAtOrBelow(histogram: Histogram, valueNs: number): number {
  let seen = 0
  for (const [value, count] of bucketsOf(histogram)) {
    if (value > valueNs) break
    seen += count
  }
  return seen
}

/** Mean and population standard deviation, nanoseconds; null without any sample. */
export function momentsNs(histogram: Histogram): { readonly mean: number; readonly stddev: number } | null {
  if (histogram.count === 0) return null
  let sum = 0
  for (const [value, count] of bucketsOf(histogram)) sum += value * count
  const mean = sum / histogram.count
  let squares = 0
  for (const [value, count] of bucketsOf(histogram)) squares += count * (value - mean) ** 2
  return { mean, stddev: Math.sqrt(squares / histogram.count) }
}
