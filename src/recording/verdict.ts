/** Steps → the run's SLO rows and its verdict. */
import type { Slo } from '../stack/stack.ts'
import { slosOf } from './limits.ts'
import type { RunStep, SloResult, Verdict } from './run.ts'
import type { StoppedInWarmup } from './warmup.ts'
import { showShare } from './words.ts'

export interface Judgement {
  readonly slo: SloResult[]
  readonly verdict: Verdict
  /** Why, in sentences; empty for a plain pass. */
  readonly because: string[]
}

/** Scenarios that look for a limit: their later steps are meant to break. */
const searching: ReadonlySet<string> = new Set(['sweep', 'breakpoint'])

export function judge(
  steps: readonly RunStep[],
  slos: readonly Slo[],
  run: {
    readonly scenario: string
    readonly stages: readonly string[]
    readonly interrupted: boolean
    readonly stoppedInWarmup?: readonly StoppedInWarmup[]
  },
): Judgement {
  const byStage = run.stages.map((stage) => {
    const own = steps.filter((step) => step.stage === stage)
    if (own.length === 0) {
      return nothingMeasured(
        stage,
        run.stoppedInWarmup?.find((one) => one.stage === stage),
      )
    }
    return searching.has(run.scenario) ? judgeSearch(own) : judgeEvery(own)
  })
  // A row for every SLO of the stages that ran, in the order of the configuration.
  const order = new Map(
    run.stages.flatMap((stage) => slosOf(stage, slos)).map((slo, index) => [slo.on, index]),
  )
  const slo = byStage
    .flatMap((one) => one.slo)
    .toSorted((a, b) => (order.get(a.on) ?? 0) - (order.get(b.on) ?? 0))
  const because = byStage.flatMap((one) => one.because)
  if (run.interrupted)
    return { slo, verdict: 'interrupted', because: ['the run was interrupted', ...because] }
  const worst = (['fail', 'invalid'] as const).find((verdict) =>
    byStage.some((one) => one.verdict === verdict),
  )
  return { slo, verdict: worst ?? 'pass', because }
}

/** A system that fails most of the requests of a warm-up has failed: nothing is wrong with the measuring. */
function nothingMeasured(stage: string, stopped: StoppedInWarmup | undefined): Judgement {
  const nothing = `no step of stage ${stage} was measured`
  if (stopped === undefined) return { slo: [], verdict: 'invalid', because: [nothing] }
  const { because, doubts } = stopped
  return {
    slo: [],
    verdict: doubts.length === 0 ? 'fail' : 'invalid',
    because: [`${nothing}: ${because}`, ...doubts],
  }
}

/** A sweep or breakpoint passes when one step that may be believed meets every limit. */
function judgeSearch(steps: readonly RunStep[]): Judgement {
  const byRate = steps.toSorted((a, b) => a.toRate - b.toRate)
  const believed = byRate.filter((step) => step.valid)
  const passing = believed.filter(meetsEveryLimit).at(-1)
  if (passing !== undefined) return { slo: passing.slo, verdict: 'pass', because: [] }
  const lowest = believed[0]
  const doubtful = byRate.filter(
    (step) => !step.valid && (lowest === undefined || step.toRate < lowest.toRate),
  )
  if (lowest === undefined || doubtful.length > 0) {
    return {
      slo: (lowest ?? byRate[0])?.slo ?? [],
      verdict: 'invalid',
      because: ['no step that may be believed meets every limit', ...doubtful.flatMap(doubts)],
    }
  }
  return {
    slo: lowest.slo,
    verdict: 'fail',
    because: [`even the lowest rate does not meet every limit`, ...breaks(lowest)],
  }
}

/** Any other scenario passes when all of its steps do. */
function judgeEvery(steps: readonly RunStep[]): Judgement {
  const believed = steps.filter((step) => step.valid)
  const slo = worstRows(believed.length > 0 ? believed : steps)
  // A step that may be believed and breaks a limit settles it, whatever is wrong with the others.
  const broken = believed.filter((step) => !meetsEveryLimit(step))
  if (broken.length > 0) return { slo, verdict: 'fail', because: broken.flatMap(breaks) }
  const doubtful = steps.filter((step) => !step.valid)
  if (doubtful.length > 0) return { slo, verdict: 'invalid', because: doubtful.flatMap(doubts) }
  return { slo, verdict: 'pass', because: [] }
}

/** Without an SLO on errors, a step in which most requests failed still meets nothing. */
export function meetsEveryLimit(step: RunStep): boolean {
  return step.slo.every((row) => row.ok) && !mostFailed(step)
}

function mostFailed(step: RunStep): boolean {
  return step.failed > step.scheduled / 2
}

function breaks(step: RunStep): string[] {
  const rows = step.slo
    .filter((row) => !row.ok)
    .map((row) => `${step.id} breaks the SLO on ${row.on}${suffix(row)}`)
  return mostFailed(step) && rows.length === 0
    ? [`${showShare(step.failed / step.scheduled)} of the requests of ${step.id} failed`]
    : rows
}

function suffix(row: SloResult): string {
  return row.because === null ? '' : `: ${row.because}`
}

function doubts(step: RunStep): string[] {
  return step.invalidBecause.map((reason) => `${step.id} may not be believed: ${reason}`)
}

function worstRows(steps: readonly RunStep[]): SloResult[] {
  const bySlo = Map.groupBy(
    steps.flatMap((step) => step.slo),
    (row) => row.on,
  )
  return [...bySlo.values()].flatMap((rows) => rows.toSorted((a, b) => excess(b) - excess(a)).slice(0, 1))
}

function excess(row: SloResult): number {
  if (row.actual === null) return Infinity
  // A limit of zero (no errors at all) has no ratio.
  return row.limit === 0 ? (row.actual === 0 ? 0 : Number.MAX_VALUE) : row.actual / row.limit
}
