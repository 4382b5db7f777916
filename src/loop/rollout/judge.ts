/**
 * Whether the next release is as good as the current one, from what both were measured to do at the same time under
 * the same load. Pure.
 *
 * A non-inferiority test in each metric, looked at while the data grow (docs/rollouts.md): `worse` when a change of at
 * least the tolerance is seen and no change at all is excluded; `as good` when a change as large as the tolerance is
 * excluded. How sure each has to be at each look is spent from a stated risk (boundaries.ts):
 * - a release that is no worse is called worse with at most `falseAlarmRisk` in a whole rollout: divided among its
 *   steps and metrics (Bonferroni), and spent over the looks of each;
 * - one that is worse by the tolerance in any metric passes a step with at most `missRisk`: every metric has to pass,
 *   so this needs no division (intersection–union test: Berger, Technometrics 24, 1982).
 * The intervals are those of `recording/noise.ts`: for percentiles order statistics and a block bootstrap over
 * seconds, whichever is wider; for shares of errors Newcombe's.
 */
import { percentileNs } from '../../recording/histogram.ts'
import { samplesNeeded } from '../../recording/metrics.ts'
import {
  differenceOf,
  type Estimate,
  type Known,
  knownPercentile,
  knownShare,
  type Random,
  ratioOf,
} from '../../recording/noise.ts'
import { findSeries, type SeriesByTag } from '../../recording/series.ts'
import type { LoadStage } from '../../load/plan.ts'
import type { Percentile } from '../../stack/stack.ts'
import { boundaries } from './boundaries.ts'

export const falseAlarmRisk = 0.05
export const missRisk = 0.05

/** A change of less than this is nobody's concern, whatever share of the latency it is. */
export const leastChangeMs = 1

/** Everything that one release was measured to do in a step so far. */
export interface ReleaseSample {
  readonly scheduled: number
  readonly failed: number
  /** Of step `sampleStep`. */
  readonly series: SeriesByTag
}

export const sampleStep = 's1'

export type RowVerdict = 'as good' | 'worse' | 'cannot tell'

export interface ReleaseRow {
  /** `latency.p95`, `errors` … */
  readonly metric: string
  readonly unit: 'ms' | 'ratio'
  /** Null where there are too few samples. */
  readonly current: number | null
  readonly next: number | null
  /** Of a latency: next ÷ current − 1. Of a share of errors: next − current. */
  readonly change: number | null
  /** What is excluded lies outside: below at the risk of a false alarm, above at that of a miss. Null: not bounded. */
  readonly interval: readonly [number | null, number | null]
  /** The change that would be too much. */
  readonly tolerance: number
  readonly verdict: RowVerdict
}

export interface Judgement {
  readonly verdict: RowVerdict
  readonly rows: readonly ReleaseRow[]
  /** How many times as many samples would tell, if what is seen stays so; null where no number would. */
  readonly moreSamples: number | null
}

export interface JudgeOptions {
  readonly stage: LoadStage
  /** Of the latency: 0.1. */
  readonly tolerance: number
  /** Of the share of errors: 0.005. */
  readonly errorTolerance: number
  /** Steps of the whole rollout at which it is judged. */
  readonly steps: number
  /** Shares of the step's samples at each look that was planned, the last 1. */
  readonly information: readonly number[]
  /** Which of them this is, from 0. */
  readonly look: number
}

const latencies: Readonly<Record<LoadStage, readonly (readonly [metric: string, Percentile])[]>> = {
  embed: [
    ['latency', 'p50'],
    ['latency', 'p95'],
  ],
  retrieve: [
    ['latency', 'p50'],
    ['latency', 'p95'],
  ],
  rerank: [
    ['latency', 'p50'],
    ['latency', 'p95'],
  ],
  generate: [
    ['ttft', 'p95'],
    ['tpot', 'p50'],
    ['latency', 'p95'],
  ],
  pipeline: [
    ['rag_ttft', 'p95'],
    ['latency', 'p50'],
    ['latency', 'p95'],
  ],
}

/** What is compared of a stage, in the order in which it is shown. */
export function metricsOf(stage: LoadStage): string[] {
  return ['errors', ...latencies[stage].map(([metric, percentile]) => `${metric}.${percentile}`)]
}

/** @param random of the bootstrap */
export function judge(
  current: ReleaseSample,
  next: ReleaseSample,
  options: JudgeOptions,
  random: Random,
): Judgement {
  const { stage, steps } = options
  const share = falseAlarmRisk / (steps * metricsOf(stage).length)
  const sure: Sureness = {
    worse: boundaryOf(share, options),
    asGood: boundaryOf(missRisk, options),
  }
  const rows = [
    errorsRow(current, next, options, sure),
    ...latencies[stage].map(([metric, percentile]) =>
      latencyRow(current, next, metric, percentile, options, sure, random),
    ),
  ]
  return { verdict: verdictOf(rows), rows, moreSamples: moreSamples(rows) }
}

/** The same for every judgement of a plan, and a tenth of a second's work. */
const known = new Map<string, readonly number[]>()

function boundaryOf(risk: number, { information, look }: JudgeOptions): number {
  const plan = `${risk} ${information.join(' ')}`
  const limits = known.get(plan) ?? boundaries(risk, information)
  known.set(plan, limits)
  return limits[look] ?? Infinity
}

/** Standard normal quantiles. */
interface Sureness {
  readonly worse: number
  readonly asGood: number
}

function errorsRow(
  current: ReleaseSample,
  next: ReleaseSample,
  { tolerance, errorTolerance }: JudgeOptions,
  sure: Sureness,
): ReleaseRow {
  const [before, after] = [
    knownShare(current.failed, current.scheduled),
    knownShare(next.failed, next.scheduled),
  ]
  const isKnown = current.scheduled > 0 && next.scheduled > 0
  return {
    metric: 'errors',
    unit: 'ratio',
    current: current.scheduled > 0 ? before.value : null,
    next: next.scheduled > 0 ? after.value : null,
    // Where errors are usual, a relative change of theirs is what would be noticed.
    ...judged(
      isKnown ? differenceOf(before, after) : null,
      Math.max(errorTolerance, tolerance * before.value),
      sure,
    ),
  }
}

function latencyRow(
  current: ReleaseSample,
  next: ReleaseSample,
  metric: string,
  percentile: Percentile,
  { stage, tolerance }: JudgeOptions,
  sure: Sureness,
  random: Random,
): ReleaseRow {
  const percentileOf = (sample: ReleaseSample): Known | null => {
    const series = findSeries(sample.series, sampleStep, stage, metric)
    if (series === null || series.histogram.count < samplesNeeded[percentile]) return null
    const value = knownPercentile(series, percentile, random)
    return value === null || value.value <= 0 ? null : value
  }
  const [before, after] = [percentileOf(current), percentileOf(next)]
  const change = before === null || after === null ? null : lessOne(ratioOf(before, after))
  const hidden = Math.max(hiddenShare(current, stage, percentile), hiddenShare(next, stage, percentile))
  const limit = Math.max(tolerance * (1 - hidden), before === null ? 0 : leastChangeMs / before.value)
  return {
    metric: `${metric}.${percentile}`,
    unit: 'ms',
    current: before?.value ?? null,
    next: after?.value ?? null,
    ...judged(change, limit, sure),
  }
}

/**
 * What share of a release's latency the generator itself was: a change by a tenth of the rest is seen as so much less
 * than a tenth of the whole. Of metrics that run from the sending it is an upper bound.
 */
function hiddenShare({ series }: ReleaseSample, stage: LoadStage, percentile: Percentile): number {
  const of = (metric: string): number => {
    const found = findSeries(series, sampleStep, stage, metric)
    return found === null ? 0 : (percentileNs(found.histogram, percentile) ?? 0)
  }
  const latency = of('latency')
  return latency === 0 ? 0 : Math.min(1, of('schedule_delay') / latency)
}

function lessOne(ratio: Known): Known {
  return {
    value: ratio.value - 1,
    at: (z) => {
      const { value, low, high }: Estimate = ratio.at(z)
      return { value: value - 1, low: low - 1, high: high - 1 }
    },
  }
}

type Judged = Pick<ReleaseRow, 'change' | 'interval' | 'tolerance' | 'verdict'>

function judged(change: Known | null, tolerance: number, sure: Sureness): Judged {
  if (change === null) return { change: null, interval: [null, null], tolerance, verdict: 'cannot tell' }
  const low = change.at(sure.worse).low
  const high = change.at(sure.asGood).high
  const verdict =
    high < tolerance ? 'as good' : low > 0 && change.value >= tolerance ? 'worse' : 'cannot tell'
  return { change: change.value, interval: [bounded(low), bounded(high)], tolerance, verdict }
}

function bounded(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

function verdictOf(rows: readonly ReleaseRow[]): RowVerdict {
  if (rows.some(({ verdict }) => verdict === 'worse')) return 'worse'
  return rows.every(({ verdict }) => verdict === 'as good') ? 'as good' : 'cannot tell'
}

/** Intervals narrow with the square root of the samples. */
function moreSamples(rows: readonly ReleaseRow[]): number | null {
  const factors = rows
    .filter(({ verdict }) => verdict === 'cannot tell')
    .map(({ change, interval: [low, high], tolerance }) => {
      if (change === null) return null
      // Below the tolerance it waits to be excluded from above, beyond it from below.
      const half = change < tolerance ? (high ?? Infinity) - change : change - (low ?? -Infinity)
      const room = change < tolerance ? tolerance - change : change
      return Number.isFinite(half) && room > 0 ? (half / room) ** 2 : null
    })
  return factors.reduce((most: number | null, factor) => {
    return most === null || factor === null ? null : Math.max(most, factor)
  }, 1)
}
