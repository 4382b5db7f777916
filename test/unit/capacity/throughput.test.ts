import { describe, expect, test } from 'vitest'
import { throughputOf } from '../../../src/capacity/throughput.ts'
import type { Distribution, MeasuredStep } from '../../../src/capacity/types.ts'

const ten: Distribution = [[10, 1000]]

/** A step of a server that works off 100/s, 10 ms a request. */
function step(offered: number, change: Partial<MeasuredStep> = {}): MeasuredStep {
  const rates = { offered, achieved: offered, completed: Math.min(offered, 100) }
  return {
    ...rates,
    seconds: 30,
    warmupSeconds: 5,
    valid: true,
    saturated: false,
    errorsShare: 0,
    samples: ten,
    ...change,
  }
}

const even = (fromMs: number, toMs: number): Distribution =>
  Array.from({ length: 200 }, (_, i) => [fromMs + ((toMs - fromMs) * (i + 0.5)) / 200, 10] as const)

describe('the rate that a tier works off under overload', () => {
  test('is not known from steps that it kept up with', () => {
    expect(throughputOf([step(20), step(50), step(90)])).toBeNull()
    expect(throughputOf([])).toBeNull()
  })

  test('is what was completed where arrivals were shed all along', () => {
    const shed = step(300, {
      completed: 100,
      saturated: true,
      errorsShare: 0.66,
      samples: even(5000, 5120),
      maxInFlight: 512,
    })
    expect(throughputOf([step(20), shed])!.rate).toBeCloseTo(100, 6)
  })

  test('leaves out what only filled the backlog, where shedding began late', () => {
    // 20/s too many: 100 in the warm-up and 412 in the window fill the limit of 512; 3,000 were worked off besides.
    const late = step(120, {
      completed: 3412 / 30,
      saturated: true,
      errorsShare: 0.05,
      samples: even(1000, 5120),
      maxInFlight: 512,
    })
    expect(throughputOf([step(20), late])!.rate).toBeCloseTo(100, 6)
    const { maxInFlight: _, ...unsaid } = late
    expect(throughputOf([step(20), unsaid])!.rate / 100).toBeCloseTo(1, 1)
  })

  test('is read from the backlog where nothing was shed', () => {
    // 125/s for 35 s are 4,375, which take 43.75 s: the last one waits 8.75 s.
    const piled = step(125, { completed: 125, samples: even(1250, 8750) })
    expect(throughputOf([step(20), piled])!.rate / 100).toBeCloseTo(1, 1)
  })
})
