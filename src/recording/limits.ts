/** One step against the SLOs of its stage. */
import type { Slo } from '../stack/stack.ts'
import { percentileNs } from './histogram.ts'
import type { StepLine } from './load-lines.ts'
import { samplesNeeded, toMs } from './metrics.ts'
import type { SloResult } from './run.ts'
import { findSeries, type SeriesByTag } from './series.ts'
import { showShare } from './words.ts'

/** In stage `pipeline` a limit on `ttft` is on the time since the query was scheduled. */
export function metricOf(slo: Slo): string {
  return slo.stage === 'pipeline' && slo.metric === 'ttft' ? 'rag_ttft' : slo.metric
}

/** The SLOs that speak of this step's stage. */
export function slosOf(stage: string, slos: readonly Slo[]): Slo[] {
  return slos.filter((slo) => slo.stage === stage)
}

/** A failed request counts as one of infinite latency. */
export function judgeStep(line: StepLine, series: SeriesByTag, slos: readonly Slo[]): SloResult[] {
  return slosOf(line.stage, slos).map((slo) =>
    slo.percentile === null ? judgeErrors(line, slo) : judgePercentile(line, series, slo, slo.percentile),
  )
}

function judgeErrors(line: StepLine, slo: Slo): SloResult {
  const { on, unit, limit } = slo
  if (line.scheduled === 0) {
    return { on, unit, limit, actual: null, step: line.step, ok: false, because: 'nothing was scheduled' }
  }
  const actual = line.failed / line.scheduled
  return { on, unit, limit, actual, step: line.step, ok: actual <= limit, because: null }
}

function judgePercentile(
  line: StepLine,
  series: SeriesByTag,
  slo: Slo,
  percentile: NonNullable<Slo['percentile']>,
): SloResult {
  const { on, unit, limit } = slo
  const row = { on, unit, limit, step: line.step }
  const found = findSeries(series, line.step, line.stage, metricOf(slo))
  if (found === null || found.histogram.count === 0) {
    const because = line.failed > 0 ? failedShare(line) : `no ${slo.metric} was measured`
    return { ...row, actual: null, ok: false, because }
  }
  const ns = percentileNs(found.histogram, percentile, line.failed) ?? Infinity
  if (!Number.isFinite(ns)) return { ...row, actual: null, ok: false, because: failedShare(line) }
  const actual = toMs(ns)
  return { ...row, actual, ok: actual <= limit, because: null }
}

function failedShare(line: StepLine): string {
  return `${showShare(line.failed / line.scheduled)} of the requests failed, and a failure counts as infinitely late`
}

/** Which of the stage's SLOs ask for a percentile that this step has too few samples for, or nothing of, in words. */
export function unanswered(line: StepLine, series: SeriesByTag, slos: readonly Slo[]): string[] {
  return slosOf(line.stage, slos).flatMap((slo) => {
    if (slo.percentile === null) return []
    const samples =
      (findSeries(series, line.step, line.stage, metricOf(slo))?.histogram.count ?? 0) + line.failed
    const needed = samplesNeeded[slo.percentile]
    if (samples === 0) return [`the SLO on ${slo.on} asks for ${slo.metric}, and none was measured`]
    if (samples >= needed) return []
    return [`the SLO on ${slo.on} needs ${needed} samples, and there are ${samples}`]
  })
}
