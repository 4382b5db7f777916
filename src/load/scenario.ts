/** Scenarios as data: from a name, a rate and a duration to the steps of a load plan. Pure. */
import { ExitCode, UserError } from '../errors.ts'
import type { Slo, Stack } from '../stack/stack.ts'
import type { LoadPlan, LoadStage, LoadTarget, PlanArrivals, ScenarioPlan, Step, StopWhen } from './plan.ts'
import { extentOf } from './plan.ts'

export const scenarios = [
  'smoke',
  'steady',
  'ramp',
  'spike',
  'soak',
  'breakpoint',
  'sweep',
  'replay',
] as const
export type Scenario = (typeof scenarios)[number]

/** What a user chose; what is left out is decided by the scenario and the stack. */
export interface ScenarioOptions {
  readonly stage: LoadStage
  readonly scenario: Scenario
  /** A second: of `steady`, `soak` and `replay`'s reports; where `ramp` ends, `spike` and `breakpoint` begin. */
  readonly rate?: number | undefined
  /** A second, each a step: of `sweep`. */
  readonly rates?: readonly number[] | undefined
  readonly durationMs?: number | undefined
  readonly warmupMs?: number | undefined
  readonly arrivals?: PlanArrivals | undefined
  readonly seed?: number | undefined
  readonly maxInFlight?: number | undefined
  readonly timeoutMs?: number | undefined
}

const defaultDurationMs: Readonly<Record<Scenario, number>> = {
  smoke: 5_000,
  steady: 30_000,
  ramp: 60_000,
  spike: 30_000,
  soak: 30 * 60_000,
  breakpoint: 15_000,
  sweep: 30_000,
  replay: 30_000,
}

const defaultTimeoutMs: Readonly<Record<LoadStage, number>> = {
  embed: 10_000,
  retrieve: 10_000,
  rerank: 10_000,
  generate: 120_000,
  pipeline: 120_000,
}

/** A latency that a system worth measuring stays below, where no SLO gives one. */
const tolerableMs: Readonly<Record<LoadStage, number>> = {
  embed: 1_000,
  retrieve: 1_000,
  rerank: 1_000,
  generate: 30_000,
  pipeline: 30_000,
}

/** What k6 on one machine could never do, or nobody would wait for: a slip of the keyboard, said at once. */
const most = { rate: 1_000_000, durationMs: 31 * 86_400_000, maxInFlight: 1 << 20 }

const smokeRate = 2
const spikeFactor = 4
const breakpointFactor = 1.3
const breakpointSteps = 24

/** @throws UserError (exit 2) when the options do not fit the scenario. */
export function planScenario(options: ScenarioOptions, stack: Pick<Stack, 'workload' | 'slo'>): ScenarioPlan {
  const { stage, scenario } = options
  const arrivals = options.arrivals ?? defaultArrivals(stack)
  refuseMisfits(options, arrivals)
  const timeoutMs = options.timeoutMs ?? timeoutOf(stage, stack.slo)
  const windowMs = options.durationMs ?? defaultDurationMs[scenario]
  const warmupMs = options.warmupMs ?? (scenario === 'smoke' || scenario === 'replay' ? 0 : 5_000)
  const steps = stepsOf(options, arrivals, options.rate ?? stack.workload.rate).map((shape, index): Step => ({
    id: `s${index + 1}`,
    windowMs,
    warmupMs,
    // A request sent at the end of the window has as much time as one sent at its beginning.
    drainMs: timeoutMs,
    ...shape,
  }))
  const { peakRate } = extentOf({ steps, arrivals })
  return {
    stage,
    seed: options.seed ?? stack.workload.seed,
    arrivals,
    steps,
    maxInFlight: options.maxInFlight ?? maxInFlightOf(peakRate, stage, stack.slo),
    timeoutMs,
    stopWhen: stopWhenOf(scenario),
    good: goodOf(stage, stack.slo),
  }
}

export function completePlan(
  scenario: ScenarioPlan,
  target: LoadTarget,
  queries: { readonly file: string; readonly count: number },
  zipf: number | null,
): LoadPlan {
  return {
    schema: 'ragscale.load/1',
    ...scenario,
    target,
    queries: { count: queries.count, zipf },
    queriesFile: queries.file,
  }
}

type StepShape = Pick<Step, 'fromRate' | 'toRate'> & Partial<Step>

function stepsOf(options: ScenarioOptions, arrivals: PlanArrivals, rate: number): StepShape[] {
  switch (options.scenario) {
    case 'smoke':
      return [level(Math.min(options.rate ?? smokeRate, smokeRate))]
    case 'steady':
    case 'soak':
      return [level(rate)]
    case 'ramp':
      return [{ fromRate: rate / 10, toRate: rate }]
    case 'spike':
      // No second warm-up: what the spike leaves behind is what the third step is there to show.
      return [level(rate), { ...level(rate * spikeFactor), warmupMs: 0 }, { ...level(rate), warmupMs: 0 }]
    case 'breakpoint':
      return Array.from({ length: breakpointSteps }, (_, index) =>
        level(tidy((options.rate ?? rate / 4) * breakpointFactor ** index)),
      )
    case 'sweep':
      return (options.rates ?? []).toSorted((a, b) => a - b).map(level)
    case 'replay':
      return [replayStep(arrivals)]
  }
}

function level(rate: number): StepShape {
  return { fromRate: rate, toRate: rate }
}

function replayStep(arrivals: PlanArrivals): StepShape {
  if (arrivals.kind !== 'trace') throw new Error('a replay needs a trace: checked before')
  const lastMs = arrivals.offsetsMs.at(-1) ?? 0
  const windowMs = Math.max(1_000, Math.ceil(lastMs) + 1)
  return { ...level((arrivals.offsetsMs.length / windowMs) * 1000), windowMs, warmupMs: 0 }
}

function refuseMisfits(options: ScenarioOptions, arrivals: PlanArrivals): void {
  const { scenario, rates } = options
  const refuse = (message: string, hint: string): never => {
    throw new UserError(message, { hint, exitCode: ExitCode.usage, code: 'usage' })
  }
  for (const rate of [options.rate, ...(rates ?? [])]) {
    if (rate !== undefined && !(rate > 0 && Number.isFinite(rate)))
      refuse(`a rate must be more than 0, got ${rate}/s`, 'try --rate 10/s')
    if (rate !== undefined && rate > most.rate) {
      refuse(
        `a rate of ${rate}/s is beyond what one machine can send: at most ${most.rate}/s`,
        'try --rate 1000/s',
      )
    }
  }
  const { durationMs, warmupMs, maxInFlight } = options
  if (durationMs !== undefined && !(durationMs > 0 && durationMs <= most.durationMs))
    refuse('a duration must be more than 0, and at most 31d', 'try --duration 30s')
  if (warmupMs !== undefined && warmupMs > most.durationMs)
    refuse('a warm-up must be at most 31d', 'try --warmup 5s')
  if (maxInFlight !== undefined && !(maxInFlight > 0 && maxInFlight <= most.maxInFlight)) {
    refuse(
      `requests in flight must be from 1 to ${most.maxInFlight}, not ${maxInFlight}`,
      'leave --max-in-flight out to have it follow from the rate and the SLO',
    )
  }
  if (scenario === 'sweep' && (rates === undefined || rates.length === 0)) {
    refuse('a sweep needs its rates', 'give --rates 10/s,20/s,40/s, or none to have them found by a probe')
  }
  if (scenario !== 'sweep' && rates !== undefined)
    refuse(`--rates is for a sweep, not for ${scenario}`, 'use --rate, or --scenario sweep')
  if (scenario === 'replay' && arrivals.kind !== 'trace') {
    refuse(
      'a replay needs the instants to replay',
      'give --arrivals trace:FILE, a file with one offset a line',
    )
  }
  if (scenario !== 'replay' && arrivals.kind === 'trace') {
    refuse(`a trace says when to ask, so it does not go with ${scenario}`, 'use --scenario replay')
  }
}

function defaultArrivals(stack: Pick<Stack, 'workload'>): PlanArrivals {
  const { arrivals } = stack.workload
  // The file of a trace is read by `readTrace`; whoever plans a replay passes its offsets.
  if (arrivals.kind === 'trace') return { kind: 'poisson' }
  return arrivals.kind === 'gamma'
    ? { kind: 'gamma', burstiness: arrivals.burstiness }
    : { kind: arrivals.kind }
}

function limitsOf(stage: LoadStage, slo: readonly Slo[]): Slo[] {
  return slo.filter((limit) => limit.stage === stage && limit.unit === 'ms')
}

function longestLimitMs(stage: LoadStage, slo: readonly Slo[]): number | null {
  const limits = limitsOf(stage, slo).filter((limit) => limit.metric === 'latency')
  return limits.length === 0 ? null : Math.max(...limits.map((limit) => limit.limit))
}

function timeoutOf(stage: LoadStage, slo: readonly Slo[]): number {
  return Math.max(defaultTimeoutMs[stage], 2 * (longestLimitMs(stage, slo) ?? 0))
}

/**
 * Little's law at twice the latency that is still tolerable: a system that has more in flight than that is
 * saturated. Not below 64, so that a burst is not taken for saturation, and not above 1024 virtual users.
 */
export function maxInFlightOf(peakRate: number, stage: LoadStage, slo: readonly Slo[]): number {
  const tolerated = longestLimitMs(stage, slo) ?? tolerableMs[stage]
  return Math.min(1024, Math.max(64, Math.ceil((2 * peakRate * tolerated) / 1000)))
}

function stopWhenOf(scenario: Scenario): StopWhen {
  switch (scenario) {
    case 'breakpoint':
      return { failedShare: 0.5, minRequests: 20, saturatedSteps: 1 }
    case 'sweep':
      return { failedShare: 0.9, minRequests: 50, saturatedSteps: 1 }
    case 'spike':
      // A spike is meant to overwhelm; only a dead target ends it.
      return { failedShare: 0.98, minRequests: 100, saturatedSteps: null }
    case 'smoke':
    case 'steady':
    case 'ramp':
    case 'soak':
    case 'replay':
      return { failedShare: 0.9, minRequests: 50, saturatedSteps: null }
  }
}

const metricsOfOneRequest: ReadonlySet<string> = new Set([
  'latency',
  'ttft',
  'ttfo',
  'rag_ttft',
  'tpot',
  'itl_gap',
  'gateway',
  'embed',
  'retrieve',
  'rerank',
  'generate',
])

/**
 * What one request may take to be good: for each metric the limit of its highest percentile, because the
 * lower ones permit some requests to be slower.
 */
function goodOf(stage: LoadStage, slo: readonly Slo[]): Record<string, number> {
  const good: Record<string, number> = {}
  for (const { metric, limit } of limitsOf(stage, slo)) {
    if (metricsOfOneRequest.has(metric)) good[metric] = Math.max(good[metric] ?? 0, limit)
  }
  return good
}

/** Three significant digits: a rate that a person can read. */
export function tidy(rate: number): number {
  return Number(rate.toPrecision(3))
}
