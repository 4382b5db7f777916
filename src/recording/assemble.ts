/** What was known before a load test and what was recorded during it → the run. */
import type { EndLine, IntervalLine, StartLine } from './load-lines.ts'
import { mergeHistograms, percentileNs } from './histogram.ts'
import { samplesNeeded, toMs } from './metrics.ts'
import { runSchemaVersion, type Run, type RunFacts, type RunStep } from './run.ts'
import { buildSteps, type Recorded } from './steps.ts'
import { judge } from './verdict.ts'
import { stoppedInWarmup } from './warmup.ts'

export interface Ended {
  /** ISO 8601. */
  readonly endedAt: string
  /** Whether somebody or something ended it before its time. */
  readonly interrupted: boolean
  /** What happened second by second: says what failed in a warm-up, which no step counts. */
  readonly intervals?: readonly IntervalLine[]
}

/** Pure: the same facts and recordings make the same run. */
export function assembleRun(
  facts: RunFacts,
  starts: readonly StartLine[],
  recorded: Recorded,
  ended: Ended,
): Run {
  const { cpuCoresAvailable, ...known } = facts
  const steps = buildSteps(recorded, { target: facts.target, slos: facts.stack.slo, cpuCoresAvailable })
  const judged = judge(steps, facts.stack.slo, {
    ...facts,
    interrupted: ended.interrupted,
    stoppedInWarmup: stoppedInWarmup(recorded.steps, ended.intervals ?? [], cpuCoresAvailable),
  })
  return {
    schema: runSchemaVersion,
    ...known,
    endedAt: ended.endedAt,
    generator: {
      k6: starts[0]?.k6 ?? 'unknown',
      cpuCores: weightedMean(steps),
      cpuCoresAvailable,
      rssBytes: Math.max(0, ...recorded.steps.map((line) => line.rssBytes)),
      scheduleDelayMs: scheduleDelay(recorded),
    },
    steps,
    slo: judged.slo,
    verdict: judged.verdict,
    verdictBecause: judged.because,
  }
}

/** Whether k6's own last words of every stage are that it finished, or that it stopped as the plan told it. */
export function endedByItself(ends: readonly EndLine[], stages: number): boolean {
  return ends.length >= stages && ends.every(({ reason }) => reason === 'finished' || reason === 'stopped')
}

function weightedMean(steps: readonly RunStep[]): number {
  const seconds = steps.reduce((total, step) => total + step.seconds, 0)
  if (seconds === 0) return 0
  return steps.reduce((total, step) => total + step.generatorCpuCores * step.seconds, 0) / seconds
}

function scheduleDelay({ series }: Recorded): { p50: number | null; p99: number | null } {
  const delays = [...series.values()].filter((one) => one.metric === 'schedule_delay')
  const all = mergeHistograms(delays.map((one) => one.histogram))
  const p50 = percentileNs(all, 'p50')
  const p99 = all.count < samplesNeeded.p99 ? null : percentileNs(all, 'p99')
  return { p50: p50 === null ? null : toMs(p50), p99: p99 === null ? null : toMs(p99) }
}
