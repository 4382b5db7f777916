/** Two runs → what changed, beyond what noise explains. */
import { ExitCode, UserError } from '../errors.ts'
import { differencesBetween, type Difference } from './differences.ts'
import { samplesNeeded } from './metrics.ts'
import {
  differenceOf,
  knownPercentile,
  knownShare,
  normalQuantileAbove,
  ratioOf,
  z95,
  type Estimate,
  type Known,
  type Random,
} from './noise.ts'
import type { Run, RunStep } from './run.ts'
import { findSeries, type SeriesByTag } from './series.ts'

export interface Comparable {
  readonly run: Run
  readonly series: SeriesByTag
}

/**
 * `regression` and `improvement`: the change is at least the tolerance, and its interval excludes no change
 * even when the confidence is raised so far that one false alarm in twenty comparisons remains over all rows
 * together (Bonferroni). `same`: below the tolerance, and the 95 % interval within twice of it. `unclear`:
 * too noisy to say either.
 */
export type RowVerdict = 'regression' | 'improvement' | 'same' | 'unclear'

export interface ComparedRow {
  readonly stage: string
  /** The step's id in each run. */
  readonly steps: readonly [baseline: string, run: string]
  /** Planned arrivals a second. */
  readonly rate: number
  /** `latency.p99`, `errors` … */
  readonly metric: string
  readonly unit: 'ms' | 'ratio'
  readonly baseline: number
  readonly run: number
  /** Of a latency: run ÷ baseline − 1. Of a share: run − baseline. */
  readonly change: number
  /** Its 95 % interval; an end is null where the samples do not bound it. */
  readonly interval: readonly [number | null, number | null]
  readonly verdict: RowVerdict
}

export interface Comparison {
  readonly schema: 'ragscale.comparison/1'
  readonly baseline: string
  readonly run: string
  /** The smallest relative change of a latency that counts. */
  readonly tolerance: number
  readonly differences: readonly Difference[]
  readonly rows: readonly ComparedRow[]
  /** Steps that could not be compared, in words. */
  readonly left: readonly string[]
  /** `unclear` when every row is. */
  readonly verdict: 'regression' | 'unclear' | 'no regression'
}

const compared = [
  ['latency', ['p50', 'p95', 'p99']],
  ['rag_ttft', ['p50', 'p99']],
  ['ttft', ['p50', 'p99']],
  ['tpot', ['p50']],
] as const

/** A change of the share of errors that counts: one in a thousand. */
const errorsTolerance = 0.001

/**
 * Pure: the same runs and the same numbers give the same answer.
 * @param random of the bootstrap
 * @throws {UserError} exit 2 for runs that must not be compared: a rehearsal with a measurement, or no step in common
 */
export function compareRuns(
  baseline: Comparable,
  run: Comparable,
  random: Random,
  tolerance = 0.05,
): Comparison {
  const differences = differencesBetween(baseline.run, run.run)
  const refused = differences.find((difference) => difference.refused)
  if (refused !== undefined)
    throw notComparable(`${refused.what} differs: ${refused.baseline} and ${refused.run}`)
  const { pairs, left } = pairSteps(baseline.run, run.run)
  if (pairs.length === 0) {
    throw notComparable(['they have no step in common that may be believed', ...left].join('; '))
  }
  const changes = pairs.flatMap(([a, b]) => [
    ...latencyChanges(a, b, baseline, run, random, tolerance),
    errorsChange(a, b),
  ])
  const strict = normalQuantileAbove(0.025 / changes.length)
  const rows = changes.map((change) => rowOf(change, strict))
  return {
    schema: 'ragscale.comparison/1',
    baseline: baseline.run.id,
    run: run.run.id,
    tolerance,
    differences,
    rows,
    left,
    verdict: verdictOf(rows),
  }
}

function notComparable(why: string): UserError {
  return new UserError(`these two runs cannot be compared: ${why}`, {
    exitCode: ExitCode.usage,
    code: 'not-comparable',
  })
}

/** Steps of one stage and the same planned rate, within 2 %. */
function pairSteps(baseline: Run, run: Run): { pairs: [RunStep, RunStep][]; left: string[] } {
  const pairs: [RunStep, RunStep][] = []
  const left: string[] = []
  const free = new Set(run.steps)
  for (const a of baseline.steps) {
    const b = [...free].find(
      (one) => one.stage === a.stage && isNear(one.fromRate, a.fromRate) && isNear(one.toRate, a.toRate),
    )
    if (b === undefined) {
      left.push(`${a.stage} ${a.id} of ${baseline.id} has no step of its rate in ${run.id}`)
      continue
    }
    free.delete(b)
    if (a.valid && b.valid) pairs.push([a, b])
    else left.push(`${a.stage} ${a.id} may not be believed in ${a.valid ? run.id : baseline.id}`)
  }
  for (const b of free) left.push(`${b.stage} ${b.id} of ${run.id} has no step of its rate in ${baseline.id}`)
  return { pairs, left }
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= 0.02 * Math.max(a, b)
}

interface Change {
  readonly a: RunStep
  readonly b: RunStep
  readonly metric: string
  readonly unit: ComparedRow['unit']
  readonly before: number
  readonly after: number
  readonly change: Known
  readonly tolerance: number
}

function latencyChanges(
  a: RunStep,
  b: RunStep,
  baseline: Comparable,
  run: Comparable,
  random: Random,
  tolerance: number,
): Change[] {
  return compared.flatMap(([metric, percentiles]) => {
    const from = findSeries(baseline.series, a.id, a.stage, metric)
    const to = findSeries(run.series, b.id, b.stage, metric)
    if (from === null || to === null) return []
    return percentiles.flatMap((percentile): Change[] => {
      const fewest = Math.min(from.histogram.count, to.histogram.count)
      if (fewest < samplesNeeded[percentile]) return []
      const [before, after] = [
        knownPercentile(from, percentile, random),
        knownPercentile(to, percentile, random),
      ]
      if (before === null || after === null || before.value <= 0 || after.value <= 0) return []
      const change = lessOne(ratioOf(before, after))
      return [
        {
          a,
          b,
          metric: `${metric}.${percentile}`,
          unit: 'ms',
          before: before.value,
          after: after.value,
          change,
          tolerance,
        },
      ]
    })
  })
}

function lessOne(ratio: Known): Known {
  return {
    value: ratio.value - 1,
    at: (z) => {
      const { value, low, high } = ratio.at(z)
      return { value: value - 1, low: low - 1, high: high - 1 }
    },
  }
}

function errorsChange(a: RunStep, b: RunStep): Change {
  const [before, after] = [knownShare(a.failed, a.scheduled), knownShare(b.failed, b.scheduled)]
  const change = differenceOf(before, after)
  return {
    a,
    b,
    metric: 'errors',
    unit: 'ratio',
    before: before.value,
    after: after.value,
    change,
    tolerance: errorsTolerance,
  }
}

function rowOf(
  { a, b, metric, unit, before, after, change, tolerance }: Change,
  strict: number,
): ComparedRow {
  const shown = change.at(z95)
  return {
    stage: a.stage,
    steps: [a.id, b.id],
    rate: a.toRate,
    metric,
    unit,
    baseline: before,
    run: after,
    change: change.value,
    interval: [bounded(shown.low), bounded(shown.high)],
    verdict: judged(shown, change.at(strict), tolerance),
  }
}

function bounded(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

function judged({ value, low, high }: Estimate, strict: Estimate, tolerance: number): RowVerdict {
  if (strict.low > 0 && value >= tolerance) return 'regression'
  if (strict.high < 0 && value <= -tolerance) return 'improvement'
  // Known well enough that nothing worth twice the tolerance can hide.
  const isKnown = low > -2 * tolerance && high < 2 * tolerance
  return isKnown && Math.abs(value) < tolerance ? 'same' : 'unclear'
}

function verdictOf(rows: readonly ComparedRow[]): Comparison['verdict'] {
  if (rows.some((one) => one.verdict === 'regression')) return 'regression'
  return rows.every((one) => one.verdict === 'unclear') ? 'unclear' : 'no regression'
}
