import { describe, expect, it } from 'vitest'
import { afterDeath } from '../../../../src/services/supervisor/restart.ts'

describe('after a death', () => {
  const delays = (everHealthy: boolean, deaths: number) =>
    Array.from({ length: deaths }, (_, index) => afterDeath({ count: index + 1, everHealthy }))

  it('a process that was healthy is started again after pauses that double, and fails at the fifth in a row', () => {
    expect(delays(true, 5)).toEqual([
      { state: 'restarting', delayMs: 250 },
      { state: 'restarting', delayMs: 500 },
      { state: 'restarting', delayMs: 1_000 },
      { state: 'restarting', delayMs: 2_000 },
      { state: 'failing', delayMs: 30_000 },
    ])
  })

  it('one that never was is given up at the third', () => {
    expect(delays(false, 3).at(-1)).toEqual({ state: 'failing', delayMs: 30_000 })
  })

  it('one that fails is still tried, seldom', () => {
    expect(afterDeath({ count: 1_000, everHealthy: true })).toEqual({ state: 'failing', delayMs: 30_000 })
  })
})
