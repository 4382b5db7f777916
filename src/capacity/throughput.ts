import { quantileOf } from './distribution.ts'
import type { MeasuredStep } from './types.ts'

/** The rate that a tier works off when it always has work. */
export interface Throughput {
  readonly rate: number
  /** Requests worked off under overload, on which the rate rests. */
  readonly requests: number
  readonly steps: readonly MeasuredStep[]
}

/**
 * From the steps that were past the knee. Where arrivals were shed or refused, what was completed tells it. Where
 * none was, the backlog does: all that came in (T + warm-up) was worked off by the time the last of it left.
 * Null when no step was past the knee.
 */
export function throughputOf(steps: readonly MeasuredStep[]): Throughput | null {
  const lowest = steps[0]
  if (lowest === undefined) return null
  const idle = quantileOf(lowest.samples, 0.98)
  const estimates = steps.map((step) => ({ step, rate: workedOff(step, idle) }))
  const best = Math.max(...estimates.map((estimate) => estimate.rate))
  // Close to the knee a tier is still idle at times and its estimate low: only steps well past it count.
  let past = estimates.filter(({ step, rate }) => step.offered > 1.04 * best && rate > 0.9 * best)
  if (past.length === 0)
    past = estimates.filter(
      ({ step, rate }) =>
        (step.saturated || rate < 0.97 * step.offered) && rate > 0.9 * best && step.offered > 1.005 * best,
    )
  if (past.length === 0) return null
  let weights = 0
  let sum = 0
  for (const { step, rate } of past) {
    const weight = rate * (step.seconds + (step.warmupSeconds ?? 0))
    weights += weight
    sum += weight * rate
  }
  return { rate: sum / weights, requests: weights, steps: past.map(({ step }) => step) }
}

function workedOff(step: MeasuredStep, idleMs: number): number {
  const warmup = step.warmupSeconds ?? 0
  if (step.saturated || step.errorsShare > 0.02) {
    const completed = step.completed
    // By Little's law the limit is what is in flight when latency is longest.
    const limit = step.maxInFlight ?? (completed * quantileOf(step.samples, 0.98)) / 1000
    // The backlog may still have been growing when the window began; what filled it was not worked off in the window.
    if ((step.offered - completed) * warmup < limit)
      return (completed * step.seconds - limit + step.offered * warmup) / (step.seconds + warmup)
    return completed
  }
  const backlogSeconds = Math.max(0, quantileOf(step.samples, 0.98) - idleMs) / 1000
  const all = step.seconds + warmup
  return (step.offered * all) / (all + backlogSeconds)
}
