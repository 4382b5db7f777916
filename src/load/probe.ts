/**
 * A sweep without given rates: a short climb finds roughly where the target stops keeping up, and the sweep's
 * rates are laid around that. Pure.
 */
import type { Stack } from '../stack/stack.ts'
import type { StepLine } from '../recording/load-lines.ts'
import type { ScenarioPlan } from './plan.ts'
import type { ScenarioOptions } from './scenario.ts'
import { planScenario, tidy } from './scenario.ts'

const climb = 2
const probeSteps = 12
const probeWindowMs = 2_000
/** A backlog that counts as not keeping up, in a probe: smaller than a test's, so that the climb ends early. */
const probeInFlight = 128
/** Shares of the capacity found, geometric: five below the usual knee at 85 %, two about and past it. */
const lowest = 0.3
const highest = 1.15
const points = 7

/** A climb from a tenth of the workload's rate (or `options.rate`), doubling until saturated. */
export function planProbe(options: ScenarioOptions, stack: Pick<Stack, 'workload' | 'slo'>): ScenarioPlan {
  const from = Math.max(1, options.rate ?? stack.workload.rate / 10)
  const rates = Array.from({ length: probeSteps }, (_, index) => tidy(from * climb ** index))
  const plan = planScenario(
    {
      ...options,
      scenario: 'sweep',
      rates,
      durationMs: probeWindowMs,
      warmupMs: 500,
      maxInFlight: options.maxInFlight ?? probeInFlight,
    },
    stack,
  )
  return {
    ...plan,
    arrivals: { kind: 'constant' },
    stopWhen: { failedShare: 0.5, minRequests: 20, saturatedSteps: 1 },
  }
}

/**
 * Whether a target kept up with a step: little failed, and what arrived also left. In so short a window a
 * backlog shows as a drain that takes longer than half of it.
 */
function keptUp(step: StepLine): boolean {
  return !step.saturated && step.failed <= 0.05 * step.scheduled && step.drainedMs <= 0.5 * step.windowMs
}

/** What the target completed a second at its best step, drain included; null when nothing succeeded. */
export function capacityFrom(steps: readonly StepLine[]): number | null {
  const completed = steps
    .filter((step) => step.succeeded > 0)
    .map((step) => (step.succeeded / (step.windowMs + step.drainedMs)) * 1000)
  return completed.length === 0 ? null : Math.max(...completed)
}

/** The rates of the sweep, rising; null when the probe measured nothing. */
export function ratesFrom(steps: readonly StepLine[]): number[] | null {
  const capacity = capacityFrom(steps)
  if (capacity === null) return null
  // A target that the whole climb did not bring down is swept up to where the climb went.
  const top = steps.every(keptUp) ? 1 : highest
  const ratio = (top / lowest) ** (1 / (points - 1))
  const rates = Array.from({ length: points }, (_, index) => tidy(capacity * lowest * ratio ** index))
  return [...new Set(rates)]
}
