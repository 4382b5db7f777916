import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { comparableRates } from '../../../../src/loop/rollout/rates.ts'

const load = fc.record({
  replicas: fc.integer({ min: 1, max: 64 }),
  others: fc.double({ min: 0, max: 1e4, noNaN: true }),
})

describe('the load of two releases that are compared', () => {
  it('is the same a replica, what others send included', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 1e3, noNaN: true }), load, load, (asked, current, next) => {
        const rates = comparableRates(asked, current, next)
        const perReplica = (of: typeof current, sent: number): number => (sent + of.others) / of.replicas
        expect(perReplica(current, rates.current) / rates.perReplica).toBeCloseTo(1, 2)
        expect(perReplica(next, rates.next) / rates.perReplica).toBeCloseTo(1, 2)
      }),
    )
  })

  it('is what was asked for, unless others ask for more already', () => {
    const idle = { replicas: 4, others: 0 }
    expect(comparableRates(10, idle, { replicas: 1, others: 0 })).toEqual({
      current: 40,
      next: 10,
      perReplica: 10,
    })
    // 20 a second on one replica of one release: both are topped up beyond that, so that something is measured.
    const rates = comparableRates(10, idle, { replicas: 1, others: 20 })
    expect(rates.perReplica).toBeCloseTo(26.67, 1)
    expect(rates.next).toBeCloseTo(6.67, 1)
  })

  it('always leaves something to be measured of both', () => {
    fc.assert(
      fc.property(load, load, (current, next) => {
        const rates = comparableRates(1, current, next)
        expect(rates.current).toBeGreaterThan(0)
        expect(rates.next).toBeGreaterThan(0)
      }),
    )
  })
})
