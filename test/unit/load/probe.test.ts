import { describe, expect, it } from 'vitest'
import { followProbe, planProbe } from '../../../src/load/probe.ts'
import { intervalLine, stepLine } from '../../../src/recording/load-lines.ts'
import type { LoadLine, StepLine } from '../../../src/recording/load-lines.ts'
import { stackWith } from './stacks.ts'

/** A step that began at 0, with what succeeded in each of its seconds. */
function step(succeeded: readonly number[], changes: Partial<StepLine> = {}, id = 's1'): LoadLine[] {
  const total = succeeded.reduce((sum, one) => sum + one, 0)
  const seconds = succeeded.map((one, index) =>
    intervalLine.parse({
      type: 'interval',
      at: (index + 1) * 1_000,
      step: id,
      stage: 'embed',
      phase: index < 2 ? 'window' : 'drain',
      elapsedMs: (index + 1) * 1_000,
      rate: 1,
      scheduled: 1,
      sent: 1,
      succeeded: one,
      failed: 0,
      inFlight: 0,
      cpuSeconds: 0,
      rssBytes: 0,
    }),
  )
  const line = stepLine.parse({
    type: 'step',
    step: id,
    stage: 'embed',
    fromRate: 10,
    toRate: 10,
    startedAt: 0,
    windowStartedAt: 0,
    windowMs: 2_000,
    drainedMs: Math.max(0, succeeded.length - 2) * 1_000,
    scheduled: total,
    sent: total,
    succeeded: total,
    failed: 0,
    shed: 0,
    good: total,
    saturated: false,
    cpuSeconds: 0,
    rssBytes: 0,
    ...changes,
  })
  return [...seconds, line]
}

function probed(...steps: LoadLine[][]) {
  const taken = followProbe()
  for (const line of steps.flat()) taken.add(line)
  return taken
}

describe('a probe', () => {
  const rates = (stage: 'embed' | 'generate') =>
    planProbe({ stage, scenario: 'sweep' }, stackWith()).steps.map(({ toRate }) => toRate)

  it('climbs from a tenth of the workload’s rate, faster where an answer takes seconds', () => {
    expect(rates('embed').slice(0, 4)).toEqual([2, 4, 8, 16])
    expect(rates('generate').slice(0, 4)).toEqual([2, 8, 32, 128])
    expect([rates('embed').at(-1), rates('generate').at(-1)]).toEqual([8_190, 8_190])
  })

  it('measures from the first instant, evenly spaced, until a third of the last twenty requests fails', () => {
    const { steps, arrivals, stopWhen } = planProbe({ stage: 'generate', scenario: 'sweep' }, stackWith())
    expect(steps[0]).toMatchObject({ warmupMs: 0, windowMs: 2_000, drainMs: 10_000 })
    expect(arrivals).toEqual({ kind: 'constant' })
    expect(stopWhen).toEqual({ failedShare: 0.3, minRequests: 20, saturatedSteps: null })
  })
})

describe('the rates of a sweep that nobody gave', () => {
  it('lie in a geometric row from well below the capacity found to past it', () => {
    const overwhelmed = probed(step([50, 50]), step([100, 100, 100, 0], { failed: 100 }, 's2'))
    expect(overwhelmed.capacity()).toBe(100)
    const rates = overwhelmed.rates() ?? []
    expect(rates).toHaveLength(7)
    expect([rates[0], rates.at(-1)]).toEqual([30, 115])
    const ratios = rates.slice(1).map((rate, index) => rate / (rates[index] ?? 0))
    for (const ratio of ratios) expect(ratio).toBeCloseTo(1.251, 1)
  })

  it('do not count the last of a burst, when most servers are idle again', () => {
    expect(probed(step([10, 10, 10, 10, 4, 2, 0, 1])).capacity()).toBe(10)
  })

  it('end where the climb ended when nothing brought the target down', () => {
    expect(
      probed(step([10, 10]))
        .rates()
        ?.at(-1),
    ).toBe(10)
  })

  it('are not known when nothing succeeded', () => {
    expect(probed(step([0, 0], { failed: 20 })).rates()).toBeNull()
    expect(probed().capacity()).toBeNull()
  })
})
