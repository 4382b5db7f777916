import { describe, expect, it } from 'vitest'
import { planProbe, ratesFrom } from '../../../src/load/probe.ts'
import { stepLine } from '../../../src/recording/load-lines.ts'
import type { StepLine } from '../../../src/recording/load-lines.ts'
import { stackWith } from './stacks.ts'

function step(changes: Partial<StepLine>): StepLine {
  return stepLine.parse({
    type: 'step',
    step: 's1',
    stage: 'embed',
    fromRate: 10,
    toRate: 10,
    startedAt: 0,
    windowStartedAt: 0,
    windowMs: 2_000,
    scheduled: 20,
    sent: 20,
    succeeded: 20,
    failed: 0,
    shed: 0,
    good: 20,
    saturated: false,
    cpuSeconds: 0,
    rssBytes: 0,
    ...changes,
  })
}

describe('the rates of a sweep that nobody gave', () => {
  it('the probe climbs by doubling, evenly spaced, and stops where the target gives way', () => {
    const { steps, arrivals, stopWhen } = planProbe({ stage: 'embed', scenario: 'sweep' }, stackWith())
    expect(steps.slice(0, 4).map(({ toRate }) => toRate)).toEqual([2, 4, 8, 16])
    expect(arrivals).toEqual({ kind: 'constant' })
    expect(stopWhen.saturatedSteps).toBe(1)
  })

  it('lie in a geometric row from well below the capacity found to past it', () => {
    const rates = ratesFrom([
      step({ succeeded: 100, drainedMs: 0 }),
      step({ scheduled: 400, succeeded: 300, failed: 100, saturated: true, drainedMs: 1_000 }),
    ])
    expect(rates).toHaveLength(7)
    expect(rates?.[0]).toBeCloseTo(30, 5)
    expect(rates?.at(-1)).toBeCloseTo(115, 5)
    const ratios = rates?.slice(1).map((rate, index) => rate / (rates[index] ?? 0)) ?? []
    for (const ratio of ratios) expect(ratio).toBeCloseTo(1.251, 2)
  })

  it('end where the climb ended when nothing brought the target down', () => {
    expect(ratesFrom([step({ succeeded: 20, drainedMs: 0 })])?.at(-1)).toBeCloseTo(10, 5)
  })

  it('are not known when nothing succeeded', () => {
    expect(ratesFrom([step({ succeeded: 0, failed: 20 })])).toBeNull()
  })
})
