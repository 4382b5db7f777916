/** Step lines, histograms and resource samples → the steps of `run.json`. */
import type { Slo } from '../stack/stack.ts'
import { judgeStep } from './limits.ts'
import type { StepLine } from './load-lines.ts'
import { summarise, type MetricSummary } from './metrics.ts'
import { emulatorLateness, hostCpu, tierUses, type ResourceSample, type TimeWindow } from './resources.ts'
import type { RunStep } from './run.ts'
import type { SeriesByTag } from './series.ts'
import { invalidBecause } from './validity.ts'

/** What was recorded of a load test: everything but what was known before. */
export interface Recorded {
  readonly steps: readonly StepLine[]
  readonly series: SeriesByTag
  readonly resources: readonly ResourceSample[]
  /** Generators of a distributed run that did not finish, by name. */
  readonly generatorsLost: readonly string[]
  /** What was found wrong with a step before it was merged, in words. */
  readonly doubts?: readonly { readonly step: string; readonly stage: string; readonly because: string }[]
}

export interface StepContext {
  readonly target: string
  readonly slos: readonly Slo[]
  readonly cpuCoresAvailable: number
}

/** Steps whose window never began, as an interruption in the warm-up leaves them, are left out. */
export function buildSteps(recorded: Recorded, context: StepContext): RunStep[] {
  return recorded.steps.filter((line) => line.windowMs > 0).map((line) => buildStep(line, recorded, context))
}

function buildStep(line: StepLine, recorded: Recorded, context: StepContext): RunStep {
  const seconds = line.windowMs / 1000
  const window: TimeWindow = { fromMs: line.windowStartedAt, toMs: line.windowStartedAt + line.windowMs }
  const generatorCpuCores = line.cpuSeconds / seconds
  const host = hostCpu(recorded.resources, window)
  const doubts = (recorded.doubts ?? [])
    .filter((doubt) => doubt.step === line.step && doubt.stage === line.stage)
    .map((doubt) => doubt.because)
  const found = invalidBecause(line, recorded.series, context.slos, {
    generatorCpuCores,
    cpuCoresAvailable: context.cpuCoresAvailable,
    hostCpu: host,
    hostMatters: context.target === 'local' || context.target === 'external',
    lateness: emulatorLateness(recorded.resources, window),
    generatorsLost: recorded.generatorsLost,
  })
  const reasons = [...doubts, ...found]
  return {
    id: line.step,
    stage: line.stage,
    offered: line.scheduled / seconds,
    achieved: line.sent / seconds,
    completed: line.succeeded / seconds,
    fromRate: line.fromRate,
    toRate: line.toRate,
    seconds,
    startedAt: new Date(line.startedAt).toISOString(),
    windowStartedAt: new Date(line.windowStartedAt).toISOString(),
    valid: reasons.length === 0,
    invalidBecause: reasons,
    saturated: line.saturated,
    stopped: line.stopped,
    requests: line.sent,
    scheduled: line.scheduled,
    succeeded: line.succeeded,
    failed: line.failed,
    shed: line.shed,
    errors: line.shed > 0 ? { ...line.errors, shed: line.shed } : line.errors,
    goodput: line.good / seconds,
    recallAtK: line.recall.count === 0 ? null : Math.min(1, line.recall.sum / line.recall.count),
    metrics: metricsOf(line, recorded.series),
    slo: judgeStep(line, recorded.series, context.slos),
    tiers: tierUses(recorded.resources, window),
    generatorCpuCores,
    hostCpu: host,
    tokens: {
      input: line.inputTokens,
      cached: line.cachedTokens,
      output: line.outputTokens,
      chunks: line.chunks,
      unmeasured: line.unmeasuredTokens,
    },
    cache: line.cache,
    connections: line.connections,
  }
}

function metricsOf(line: StepLine, series: SeriesByTag): Record<string, MetricSummary> {
  const metrics: Record<string, MetricSummary> = {}
  for (const one of series.values()) {
    if (one.step !== line.step || one.stage !== line.stage) continue
    const summary = summarise(one.histogram)
    if (summary !== null) metrics[one.metric] = summary
  }
  return metrics
}
