/** One metric of one step over time: what a tag of `latency.hlog` holds. */
import { percentileNs, type Histogram } from './histogram.ts'

export interface SeriesInterval {
  /** Since 1970. */
  readonly startMs: number
  readonly endMs: number
  readonly histogram: Histogram
}

export interface Series {
  /** `<step>.<stage>.<metric>` */
  readonly tag: string
  readonly step: string
  readonly stage: string
  readonly metric: string
  /** Of all intervals together. */
  readonly histogram: Histogram
  /** In the order of time. */
  readonly intervals: readonly SeriesInterval[]
}

export type SeriesByTag = ReadonlyMap<string, Series>

/** The series of one metric of one step, or null where nothing was recorded. */
export function findSeries(series: SeriesByTag, step: string, stage: string, metric: string): Series | null {
  return series.get(`${step}.${stage}.${metric}`) ?? null
}

/** One second of a series; milliseconds. A percentile of few samples is shown for its shape over time only. */
export interface TimelinePoint {
  readonly atMs: number
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** One point for every interval that holds a sample. */
export function timeline(series: Series): TimelinePoint[] {
  return series.intervals
    .filter((interval) => interval.histogram.count > 0)
    .map(({ startMs, histogram }) => ({
      atMs: startMs,
      count: histogram.count,
      p50: (percentileNs(histogram, 'p50') ?? 0) / 1e6,
      p95: (percentileNs(histogram, 'p95') ?? 0) / 1e6,
      p99: (percentileNs(histogram, 'p99') ?? 0) / 1e6,
    }))
}
