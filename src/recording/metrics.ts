/** A histogram as the figures that `run.json` carries for one metric. */
import { z } from 'zod'
import type { Percentile } from '../stack/stack.ts'
import { momentsNs, percentileNs, type Histogram } from './histogram.ts'

const ms = z.number().nonnegative()

export const metricSummary = z.object({
  unit: z.literal('ms'),
  count: z.number().int().nonnegative(),
  min: ms,
  mean: ms,
  stddev: ms,
  p50: ms,
  p90: ms,
  p95: ms,
  /** Null when there are too few samples to know it. */
  p99: ms.nullable(),
  p999: ms.nullable(),
  max: ms,
})

export type MetricSummary = z.output<typeof metricSummary>

/**
 * How many samples a percentile needs: the first count whose maximum is at or above the quantile with
 * 95 % probability, 1 − q^n ≥ 0.95, rounded up to a hundred (order statistics: David & Nagaraja,
 * "Order Statistics", 2003, §7.1).
 */
export const samplesNeeded: Readonly<Record<Percentile, number>> = {
  p50: 1,
  p90: 1,
  p95: 1,
  p99: 300,
  p999: 3000,
}

/** Null for an empty histogram: there is nothing to summarise. */
export function summarise(histogram: Histogram): MetricSummary | null {
  const moments = momentsNs(histogram)
  if (moments === null) return null
  const at = (percentile: Percentile): number => toMs(percentileNs(histogram, percentile) ?? 0)
  const known = (percentile: Percentile): number | null =>
    histogram.count < samplesNeeded[percentile] ? null : at(percentile)
  return {
    unit: 'ms',
    count: histogram.count,
    min: toMs(histogram.valuesNs[0] ?? 0),
    mean: toMs(moments.mean),
    stddev: toMs(moments.stddev),
    p50: at('p50'),
    p90: at('p90'),
    p95: at('p95'),
    p99: known('p99'),
    p999: known('p999'),
    max: toMs(histogram.valuesNs.at(-1) ?? 0),
  }
}

/** Nanoseconds to milliseconds, to the nanosecond. */
export function toMs(ns: number): number {
  return Math.round(ns) / 1e6
}
