/**
 * Several recordings as one: generators that loaded the same system at the same time, or runs laid
 * together. Histograms merge bucket for bucket and counters add up; no percentile is ever averaged.
 */
import type { IntervalLine, StepLine } from './load-lines.ts'
import { seriesOf } from './hlog.ts'
import type { SeriesByTag, SeriesInterval } from './series.ts'
import type { Recorded } from './steps.ts'
import { overloadedGenerator } from './validity.ts'

export interface Part {
  /** The generator's, for sentences. */
  readonly name: string
  readonly recorded: Recorded
  /** What this generator could have used, in cores. */
  readonly cpuCoresAvailable: number
}

/**
 * One recording of all parts. Steps of one id and stage become one step, whose rates, counts and CPU are
 * sums; a generator that was overloaded makes the whole step doubtful, however idle the others were.
 * @param resources sampled once, beside the generators
 */
export function mergeRecorded(parts: readonly Part[], resources: Recorded['resources']): Recorded {
  const lines = parts.flatMap(({ recorded }) => recorded.steps)
  const bySteps = Map.groupBy(lines, (line) => `${line.stage} ${line.step}`)
  return {
    steps: [...bySteps.values()].map((list) => list.reduce(added)),
    series: mergeSeries(parts.map(({ recorded }) => recorded.series)),
    resources,
    generatorsLost: parts.flatMap(({ recorded }) => recorded.generatorsLost),
    doubts: parts.flatMap(({ name, recorded, cpuCoresAvailable }) => [
      ...(recorded.doubts ?? []),
      ...recorded.steps.flatMap((line) =>
        overloadedGenerator(name, line.cpuSeconds / (line.windowMs / 1000), cpuCoresAvailable).map(
          (because) => ({
            step: line.step,
            stage: line.stage,
            because,
          }),
        ),
      ),
    ]),
  }
}

/** Every tag of all of them, with all its intervals. */
export function mergeSeries(maps: readonly SeriesByTag[]): SeriesByTag {
  const intervals = new Map<string, SeriesInterval[]>()
  for (const one of maps) {
    for (const series of one.values()) {
      intervals.set(series.tag, [...(intervals.get(series.tag) ?? []), ...series.intervals])
    }
  }
  return new Map([...intervals].map(([tag, list]) => [tag, seriesOf(tag, list)]))
}

/**
 * Seconds of several generators as seconds of one: counts add up. The quantiles of single seconds cannot be
 * merged and are left out; `latency.hlog` has them.
 */
export function mergeIntervals(lists: readonly (readonly IntervalLine[])[]): IntervalLine[] {
  const groups = Map.groupBy(lists.flat(), ({ stage, step, phase, elapsedMs }) =>
    [stage, step, phase, Math.round(elapsedMs / 1000)].join(' '),
  )
  return [...groups.values()]
    .flatMap((group) => {
      const [first, ...others] = group
      if (first === undefined) return []
      if (others.length === 0) return [first]
      const sum = (pick: (one: IntervalLine) => number): number =>
        group.reduce((total, one) => total + pick(one), 0)
      return [
        {
          ...first,
          rate: sum((one) => one.rate),
          scheduled: sum((one) => one.scheduled),
          sent: sum((one) => one.sent),
          succeeded: sum((one) => one.succeeded),
          failed: sum((one) => one.failed),
          inFlight: sum((one) => one.inFlight),
          errors: sumOf(group.map((one) => one.errors)),
          latency: null,
          ttft: null,
          cpuSeconds: sum((one) => one.cpuSeconds),
          rssBytes: sum((one) => one.rssBytes),
        },
      ]
    })
    .toSorted((a, b) => a.at - b.at)
}

function added(a: StepLine, b: StepLine): StepLine {
  return {
    ...a,
    fromRate: a.fromRate + b.fromRate,
    toRate: a.toRate + b.toRate,
    startedAt: Math.min(a.startedAt, b.startedAt),
    windowStartedAt: Math.min(a.windowStartedAt, b.windowStartedAt),
    windowMs: Math.max(a.windowMs, b.windowMs),
    drainedMs: Math.max(a.drainedMs, b.drainedMs),
    scheduled: a.scheduled + b.scheduled,
    sent: a.sent + b.sent,
    succeeded: a.succeeded + b.succeeded,
    failed: a.failed + b.failed,
    shed: a.shed + b.shed,
    cut: a.cut + b.cut,
    errors: sumOf([a.errors, b.errors]),
    good: a.good + b.good,
    saturated: a.saturated || b.saturated,
    limitReachedMs: Math.max(a.limitReachedMs, b.limitReachedMs),
    maxInFlightSeen: a.maxInFlightSeen + b.maxInFlightSeen,
    stopped: a.stopped ?? b.stopped,
    recall: { sum: a.recall.sum + b.recall.sum, count: a.recall.count + b.recall.count },
    inputTokens: a.inputTokens + b.inputTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    chunks: a.chunks + b.chunks,
    unmeasuredTokens: a.unmeasuredTokens + b.unmeasuredTokens,
    cache: addedCaches(a.cache, b.cache),
    connections: {
      new: a.connections.new + b.connections.new,
      reused: a.connections.reused + b.connections.reused,
    },
    cpuSeconds: a.cpuSeconds + b.cpuSeconds,
    rssBytes: a.rssBytes + b.rssBytes,
  }
}

function sumOf(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const record of records) {
    for (const [label, count] of Object.entries(record)) sum[label] = (sum[label] ?? 0) + count
  }
  return sum
}

function addedCaches(a: StepLine['cache'], b: StepLine['cache']): StepLine['cache'] {
  const caches: StepLine['cache'] = {}
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    caches[name] = {
      hit: (a[name]?.hit ?? 0) + (b[name]?.hit ?? 0),
      miss: (a[name]?.miss ?? 0) + (b[name]?.miss ?? 0),
    }
  }
  return caches
}
