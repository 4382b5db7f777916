/** What every report of a run says in the same words. */
import type { Run, RunStep, SloResult, Verdict } from '../recording/run.ts'
import { duration, figure, rate, share } from './format.ts'

export const verdictWords: Readonly<Record<Verdict, { readonly word: string; readonly meaning: string }>> = {
  pass: { word: 'PASS', meaning: 'every SLO was met' },
  fail: { word: 'FAIL', meaning: 'an SLO broke' },
  invalid: { word: 'INVALID', meaning: 'the measurement may not be believed' },
  interrupted: { word: 'INTERRUPTED', meaning: 'the run was ended before its time' },
}

/** What the verdict means for this run, as one sentence. */
export function verdictSentence(run: Run): string {
  // Without a window there is no row of an SLO either: what failed is said beneath.
  if (run.verdict === 'fail' && run.slo.every((row) => row.ok)) return 'most requests failed'
  if (run.verdict !== 'pass') return verdictWords[run.verdict].meaning
  const limits = run.slo.length
  if (limits === 0) return 'no SLO is set for what was measured'
  const steps = [...new Set(run.slo.map((row) => row.step).filter((step) => step !== null))]
  const [only] = steps
  const step = run.steps.find((one) => one.id === only)
  const isSearch = run.scenario === 'sweep' || run.scenario === 'breakpoint'
  const held = isSearch && steps.length === 1 && step !== undefined ? ` up to ${rate(step.offered)}` : ''
  return `${limits === 1 ? 'its SLO was met' : limits === 2 ? 'both SLOs were met' : `all ${limits} SLOs were met`}${held}`
}

export const rehearsal =
  'Rehearsal: emulated replicas on this machine. It shows how the stack behaves and says nothing of how fast the real components are.'

/** `sweep of embed on local` */
export function runTitle(run: Run): string {
  return `${run.scenario} of ${run.stages.join(', ')} on ${run.target}`
}

/** A limit and what was measured, with units. */
export function sloFigures(row: SloResult): { limit: string; actual: string } {
  const show = row.unit === 'ratio' ? share : duration
  return {
    limit: show(row.limit),
    actual: row.actual !== null ? show(row.actual) : row.because?.includes('failed') === true ? '∞' : '–',
  }
}

/** A limit that was met or broken only in a step that may not be believed is in doubt. */
export function sloState(run: Run, row: SloResult): 'met' | 'broken' | 'in doubt' {
  const step = run.steps.find((one) => one.id === row.step && row.on.startsWith(`${one.stage}.`))
  if (step !== undefined && !step.valid) return 'in doubt'
  return row.ok ? 'met' : 'broken'
}

/** What a step is called out for, the gravest first. */
export function stepFlags(step: RunStep): string[] {
  return [
    ...(step.valid ? [] : ['invalid']),
    ...(step.saturated ? ['saturated'] : []),
    ...(step.stopped === null ? [] : ['stopped']),
  ]
}

/** The same in whole sentences, with their reasons. */
export function stepNotes(step: RunStep): string[] {
  return [
    ...step.invalidBecause.map((reason) => `invalid: ${reason}`),
    ...(step.saturated
      ? [
          `saturated: the system did not keep up${step.shed > 0 ? `, and ${figure(step.shed)} arrivals could not be sent` : ''}`,
        ]
      : []),
    ...(step.stopped === null ? [] : [`stopped early: ${step.stopped}`]),
  ]
}

export function failedShare(step: RunStep): number | null {
  return step.scheduled === 0 ? null : step.failed / step.scheduled
}

/** `37 http_429, 2 timeout`, the most frequent first; empty without errors. */
export function errorList(errors: Readonly<Record<string, number>>): string {
  return Object.entries(errors)
    .toSorted(([, a], [, b]) => b - a)
    .map(([label, count]) => `${figure(count)} ${label}`)
    .join(', ')
}

/** The step that is shown in detail: the one that the SLOs were judged on, else the highest rate that held. */
export function stepInFocus(run: Run, stage: string): RunStep | undefined {
  const steps = run.steps.filter((step) => step.stage === stage)
  const judged = run.slo.find((row) => row.on.startsWith(`${stage}.`))?.step
  return (
    steps.find((step) => step.id === judged) ??
    steps
      .filter((step) => step.valid && !step.saturated)
      .toSorted((a, b) => a.offered - b.offered)
      .at(-1) ??
    steps.at(-1)
  )
}

/** The spans of a pipeline that a gateway reports, in the order of a query's way. */
export const spanNames = ['gateway', 'embed', 'retrieve', 'rerank', 'generate'] as const

/** What was called in words: the names of metrics, as people read them. */
export const metricTitles: Readonly<Record<string, string>> = {
  latency: 'Latency',
  ttft: 'Time to first token',
  ttfo: 'Time to first output',
  rag_ttft: 'Time to first token of the answer',
  tpot: 'Time per output token',
  itl_gap: 'Gap between chunks',
  schedule_delay: 'Schedule delay',
}

/** How late the generator sent its requests; the P99 only where there were enough of them to know it. */
export function sentLate({ scheduleDelayMs: { p50, p99 } }: Run['generator']): string {
  if (p50 === null) return 'no window was measured'
  return `sent ${duration(p50)} late at the median${p99 === null ? '' : `, ${duration(p99)} at the P99`}`
}
