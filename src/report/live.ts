/** A load test while it runs: a state folded from k6's lines, shown as a few lines or as one. */
import type { IntervalLine, LoadLine } from '../recording/load-lines.ts'
import { duration, figure, rate } from './format.ts'
import { fit, padEnd, plain } from './plain-text.ts'
import type { TerminalStyle } from './palette.ts'
import { errorList } from './run-words.ts'

/** What one stage is about to do. */
export interface LivePlan {
  readonly stage: string
  readonly steps: readonly { readonly id: string; readonly warmupMs: number; readonly windowMs: number }[]
}

export interface LiveState {
  readonly plan: LivePlan
  /** The last second; null before the first has passed. */
  readonly latest: IntervalLine | null
  /** Arrivals and requests a second, of that second; null before it. */
  readonly offered: number | null
  readonly achieved: number | null
  /** Of the step that runs. */
  readonly scheduled: number
  readonly sent: number
  readonly failed: number
  readonly errors: Readonly<Record<string, number>>
  /** Ids of the steps that are done, and which of them were saturated. */
  readonly done: readonly string[]
  readonly saturated: readonly string[]
}

export function startLive(plan: LivePlan): LiveState {
  return {
    plan,
    latest: null,
    offered: null,
    achieved: null,
    scheduled: 0,
    sent: 0,
    failed: 0,
    errors: {},
    done: [],
    saturated: [],
  }
}

/** The state after one more line. */
export function followLive(state: LiveState, line: LoadLine): LiveState {
  if (line.type === 'step') {
    return {
      ...state,
      done: [...state.done, line.step],
      saturated: line.saturated ? [...state.saturated, line.step] : state.saturated,
    }
  }
  if (line.type !== 'interval') return state
  const isNewStep = state.latest?.step !== line.step
  const before = isNewStep ? { scheduled: 0, sent: 0, failed: 0, errors: {} } : state
  return {
    ...state,
    latest: line,
    ...ratesOf(state, line),
    scheduled: before.scheduled + line.scheduled,
    sent: before.sent + line.sent,
    failed: before.failed + line.failed,
    errors: added(before.errors, line.errors),
  }
}

/** An interval ends where a phase does: one of a few milliseconds says nothing of a rate. */
function ratesOf(
  { latest, offered, achieved }: LiveState,
  line: IntervalLine,
): Pick<LiveState, 'offered' | 'achieved'> {
  const seconds = (line.elapsedMs - (latest?.step === line.step ? latest.elapsedMs : 0)) / 1000
  if (seconds < 0.25) return { offered, achieved }
  return { offered: line.scheduled / seconds, achieved: line.sent / seconds }
}

function added(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...a }
  for (const [label, count] of Object.entries(b)) sum[label] = (sum[label] ?? 0) + count
  return sum
}

/** Lines for a terminal that rewrites them in place, each at most `columns` wide. */
export function liveLines(state: LiveState, { columns, palette }: TerminalStyle): string[] {
  const { latest } = state
  const progress = progressOf(state)
  const room = Math.max(1, columns)
  const headline = fit(`${plain(state.plan.stage)} ${positionOf(state)}`, room)
  if (latest === null) return [palette.bold(headline), palette.dim(fit('starting …', room))]
  const figures: [string, string][] = [
    ['offered', rate(state.offered)],
    ['achieved', rate(state.achieved)],
    ['in flight', figure(latest.inFlight)],
    ['p50', duration(latest.latency?.p50)],
    ['p95', duration(latest.latency?.p95)],
    ['p99', duration(latest.latency?.p99)],
    ...(latest.ttft === null
      ? []
      : ([
          ['ttft p50', duration(latest.ttft.p50)],
          ['ttft p99', duration(latest.ttft.p99)],
        ] as [string, string][])),
    ['errors', figure(state.failed)],
  ]
  const errors = errorList(state.errors)
  const behind = latest.scheduled > 0 && latest.sent < latest.scheduled
  return [
    palette.bold(headline),
    bar(progress, `${phaseWords[latest.phase]} ${timeLeft(state)}`, room),
    ...inColumns(figures, room).map((line) => (behind ? palette.yellow(line) : line)),
    ...(errors === '' ? [] : [palette.red(fit(plain(errors), room))]),
  ]
}

/** One line every few seconds, for a log. */
export function liveLine(state: LiveState): string {
  const { latest } = state
  const name = `${plain(state.plan.stage)} ${positionOf(state)}`
  if (latest === null) return `${name}: starting`
  const percentiles =
    latest.latency === null
      ? 'no answer in this second'
      : `p50 ${duration(latest.latency.p50)}, p95 ${duration(latest.latency.p95)}, p99 ${duration(latest.latency.p99)}`
  const errors = errorList(state.errors)
  return [
    `${name} ${phaseWords[latest.phase]}: ${rate(state.achieved)} of ${rate(latest.rate)}`,
    percentiles,
    ...(latest.ttft === null ? [] : [`ttft p50 ${duration(latest.ttft.p50)}`]),
    `${figure(latest.inFlight)} in flight`,
    errors === '' ? 'no errors' : `errors: ${plain(errors)}`,
  ].join(', ')
}

const phaseWords: Readonly<Record<IntervalLine['phase'], string>> = {
  warmup: 'warming up',
  window: 'measuring',
  drain: 'draining',
}

function positionOf(state: LiveState): string {
  const { plan, latest } = state
  const current = latest?.step ?? plan.steps[0]?.id ?? ''
  const index = plan.steps.findIndex((step) => step.id === current)
  const saturated =
    state.saturated.length === 0 ? '' : ` · saturated: ${state.saturated.map(plain).join(', ')}`
  const asked = latest === null ? '' : ` at ${rate(latest.rate)}`
  return `step ${Math.max(0, index) + 1} of ${plan.steps.length}${asked}${saturated}`
}

/** How much of the step that runs has passed, 0 … 1. */
export function progressOf({ plan, latest }: LiveState): number {
  const step = plan.steps.find((one) => one.id === latest?.step)
  if (latest === null || step === undefined) return 0
  const wholeMs = step.warmupMs + step.windowMs
  return wholeMs <= 0 ? 1 : Math.min(1, Math.max(0, latest.elapsedMs / wholeMs))
}

function timeLeft({ plan, latest }: LiveState): string {
  const step = plan.steps.find((one) => one.id === latest?.step)
  if (latest === null || step === undefined || latest.phase === 'drain') return ''
  const endsAtMs = latest.phase === 'warmup' ? step.warmupMs : step.warmupMs + step.windowMs
  return `${Math.max(0, Math.ceil((endsAtMs - latest.elapsedMs) / 1000))} s`
}

function bar(progress: number, label: string, columns: number): string {
  const text = fit(` ${label.trim()}`, Math.max(0, columns - 4))
  const cells = Math.min(40, Math.max(0, columns - text.length))
  const full = Math.round(progress * cells)
  return fit(`${'█'.repeat(full)}${'░'.repeat(cells - full)}${text}`, columns)
}

/** As many figures beside each other as fit, each with its name before it. */
function inColumns(figures: readonly (readonly [string, string])[], columns: number): string[] {
  const cell = 22
  const perLine = Math.max(1, Math.floor((columns + 2) / (cell + 2)))
  const lines: string[] = []
  for (let index = 0; index < figures.length; index += perLine) {
    const texts = figures
      .slice(index, index + perLine)
      .map(([name, value]) => padEnd(`${padEnd(name, 10)}${value}`, cell))
    lines.push(fit(texts.join('  ').trimEnd(), columns))
  }
  return lines
}
