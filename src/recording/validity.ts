/**
 * Whether a step may be believed. Saturated is not invalid: when the system cannot keep up, that is what
 * was measured. A step is invalid when the generator or the machine failed.
 */
import type { Slo } from '../stack/stack.ts'
import { percentileNs } from './histogram.ts'
import { unanswered } from './limits.ts'
import type { StepLine } from './load-lines.ts'
import { samplesNeeded, toMs } from './metrics.ts'
import type { Lateness } from './resources.ts'
import { findSeries, type SeriesByTag } from './series.ts'
import { showMs, showShare, significant } from './words.ts'

/** What went on around a step. */
export interface Conditions {
  /** CPU of the generator in cores, and what it may use. */
  readonly generatorCpuCores: number
  readonly cpuCoresAvailable: number
  /** Share of the host's CPU that was busy or stolen, 0 … 1; null where it was not sampled. */
  readonly hostCpu: number | null
  /** Whether generator and replicas, or at least the generator alone, run on this host: `local` and `external`. */
  readonly hostMatters: boolean
  /** Of emulated replicas: how late their answers left. */
  readonly lateness: readonly Lateness[]
  /** Generators of a distributed run that did not finish, by name. */
  readonly generatorsLost: readonly string[]
}

export const validityLimits = {
  medianScheduleDelayMs: 10,
  /** Of the reported P99. */
  scheduleDelayP99Share: 0.1,
  generatorCpuShare: 0.8,
  hostCpuShare: 0.9,
  /** Of an emulated replica's answers may be later than a tenth of the reported P99: beyond it they move it. */
  lateAnswersShare: 0.01,
} as const

/** Every reason not to believe a step, in words; none means valid. */
export function invalidBecause(
  line: StepLine,
  series: SeriesByTag,
  slos: readonly Slo[],
  conditions: Conditions,
): string[] {
  if (line.scheduled === 0) return ['nothing was scheduled in its window']
  return [
    ...(line.saturated ? [] : lateGenerator(line, series)),
    ...busyMachine(conditions),
    ...slowEmulators(conditions, line, series),
    ...conditions.generatorsLost.map((name) => `the generator ${name} was lost`),
    ...unanswered(line, series, slos),
  ]
}

function lateGenerator(line: StepLine, series: SeriesByTag): string[] {
  const delay = findSeries(series, line.step, line.stage, 'schedule_delay')?.histogram
  if (delay === undefined || delay.count === 0) return []
  const reasons: string[] = []
  const medianMs = toMs(percentileNs(delay, 'p50') ?? 0)
  if (medianMs > validityLimits.medianScheduleDelayMs) {
    reasons.push(`the generator sent requests late: by ${showMs(medianMs)} at the median, more than 10 ms`)
  }
  const latency = findSeries(series, line.step, line.stage, 'latency')?.histogram
  if (latency === undefined || latency.count < samplesNeeded.p99) return reasons
  const delayP99Ms = toMs(percentileNs(delay, 'p99') ?? 0)
  const latencyP99Ms = toMs(percentileNs(latency, 'p99') ?? 0)
  if (delayP99Ms > validityLimits.scheduleDelayP99Share * latencyP99Ms) {
    reasons.push(
      `the generator sent requests late: by ${showMs(delayP99Ms)} at the P99, more than 10 % of the latency's P99 of ${showMs(latencyP99Ms)}`,
    )
  }
  return reasons
}

function busyMachine({ generatorCpuCores, cpuCoresAvailable, hostCpu, hostMatters }: Conditions): string[] {
  const reasons = overloadedGenerator(null, generatorCpuCores, cpuCoresAvailable)
  if (hostMatters && hostCpu !== null && hostCpu > validityLimits.hostCpuShare) {
    reasons.push(`the host's CPU was ${showShare(hostCpu)} busy, more than 90 %`)
  }
  return reasons
}

/** @param name of one generator of several */
export function overloadedGenerator(name: string | null, cpuCores: number, available: number): string[] {
  if (cpuCores <= validityLimits.generatorCpuShare * available) return []
  const who = name === null ? 'the generator' : `the generator ${name}`
  return [`${who} used ${significant(cpuCores)} of its ${significant(available)} CPU cores, more than 80 %`]
}

/**
 * Lateness of an emulator is an error of the latency that is measured, as lateness of the generator is, and may be as
 * large: a tenth of the reported P99 (of the P95, where there are too few samples for a P99).
 */
function slowEmulators({ lateness }: Conditions, line: StepLine, series: SeriesByTag): string[] {
  const latency = findSeries(series, line.step, line.stage, 'latency')?.histogram
  if (latency === undefined || latency.count === 0) return []
  const percentile = latency.count < samplesNeeded.p99 ? 'p95' : 'p99'
  const reportedMs = toMs(percentileNs(latency, percentile) ?? 0)
  return lateness.flatMap(({ tier, replica, answers, late }) => {
    const allowed = late.findLast(
      ([beyondMs]) => beyondMs <= validityLimits.scheduleDelayP99Share * reportedMs,
    )
    const [beyondMs, count] = allowed ?? late[0] ?? [0, 0]
    if (count <= validityLimits.lateAnswersShare * answers) return []
    return [
      `the emulated replica ${tier} ${replica} could not work as fast as it models: ${showShare(count / answers)} of its answers were more than ${showMs(beyondMs)} late, where ${percentile} is ${showMs(reportedMs)}`,
    ]
  })
}
