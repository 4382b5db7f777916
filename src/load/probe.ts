/**
 * A sweep without given rates: a short climb finds roughly where the target stops keeping up, and the sweep's
 * rates are laid around that. Pure.
 */
import type { Stack } from '../stack/stack.ts'
import type { LoadLine, StepLine } from '../recording/load-lines.ts'
import type { LoadStage, ScenarioPlan } from './plan.ts'
import type { ScenarioOptions } from './scenario.ts'
import { planScenario, tidy } from './scenario.ts'

/** How much faster each step of the climb is: an answer that takes seconds makes each step long. */
const climb: Readonly<Record<LoadStage, number>> = {
  embed: 2,
  retrieve: 2,
  rerank: 2,
  generate: 4,
  pipeline: 4,
}
const highestFactor = 4096
const windowMs = 2_000
const longestDrainMs = 10_000
/** A backlog that counts as not keeping up, in a probe: smaller than a test's, so that the climb ends early. */
const inFlight = 128
/** Shares of the capacity found, geometric: five below the usual knee at 85 %, two about and past it. */
const lowest = 0.3
const highest = 1.15
const points = 7

/** A climb from a tenth of the workload's rate (or `options.rate`) until the target sheds a third of a burst. */
export function planProbe(options: ScenarioOptions, stack: Pick<Stack, 'workload' | 'slo'>): ScenarioPlan {
  const from = Math.max(1, options.rate ?? stack.workload.rate / 10)
  const factor = climb[options.stage]
  const count = Math.round(Math.log(highestFactor) / Math.log(factor)) + 1
  const plan = planScenario(
    {
      ...options,
      scenario: 'sweep',
      rates: Array.from({ length: count }, (_, index) => tidy(from * factor ** index)),
      durationMs: windowMs,
      // None, so that a target which the first step overwhelms has been measured all the same.
      warmupMs: 0,
      maxInFlight: options.maxInFlight ?? inFlight,
    },
    stack,
  )
  return {
    ...plan,
    arrivals: { kind: 'constant' },
    steps: plan.steps.map((step) => ({ ...step, drainMs: Math.min(step.drainMs, longestDrainMs) })),
    // Not by saturation: in a window shorter than one answer takes, every target seems to fall behind.
    stopWhen: { failedShare: 0.3, minRequests: 20, saturatedSteps: null },
  }
}

/** Takes in what k6 says during a probe. */
export interface Probe {
  add(line: LoadLine): void
  /** What the target completed a second at its best step; null when nothing succeeded. */
  capacity(): number | null
  /** The rates of the sweep, rising; null when nothing succeeded. */
  rates(): number[] | null
}

export function followProbe(): Probe {
  const steps: StepLine[] = []
  const completions = new Map<string, { at: number; succeeded: number }[]>()
  const capacity = (): number | null => {
    const rates = steps.map((step) => completionRate(step, completions.get(step.step) ?? []))
    const best = Math.max(0, ...rates)
    return best === 0 ? null : best
  }
  return {
    add: (line) => {
      if (line.type === 'step') steps.push(line)
      if (line.type !== 'interval') return
      const list = completions.get(line.step) ?? []
      completions.set(line.step, [...list, { at: line.at, succeeded: line.succeeded }])
    },
    capacity,
    rates: () => {
      const found = capacity()
      return found === null ? null : ratesAround(found, steps.every(keptUp))
    },
  }
}

/**
 * Successes a second until four fifths of them were there: the last ones of a burst leave servers idle, and say
 * nothing of what the target can do.
 */
function completionRate(step: StepLine, seconds: readonly { at: number; succeeded: number }[]): number {
  const total = seconds.reduce((sum, { succeeded }) => sum + succeeded, 0)
  let done = 0
  for (const { at, succeeded } of seconds) {
    done += succeeded
    if (done > 0 && done >= 0.8 * total && at > step.startedAt) return (done / (at - step.startedAt)) * 1000
  }
  return 0
}

/** Whether a target kept up: little failed, and what arrived also left soon after the window. */
function keptUp(step: StepLine): boolean {
  return step.failed <= 0.05 * step.scheduled && step.drainedMs <= 0.5 * step.windowMs
}

/** Where the whole climb did not bring the target down, the sweep ends where the climb did. */
function ratesAround(capacity: number, keptUp: boolean): number[] {
  const ratio = ((keptUp ? 1 : highest) / lowest) ** (1 / (points - 1))
  const rates = Array.from({ length: points }, (_, index) => tidy(capacity * lowest * ratio ** index))
  return [...new Set(rates)]
}
