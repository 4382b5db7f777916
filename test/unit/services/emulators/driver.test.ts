import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FifoCore } from '../../../../src/services/emulators/cores/fifo.ts'
import type { FifoDone } from '../../../../src/services/emulators/cores/fifo.ts'
import { seededRandom } from '../../../../src/services/emulators/cores/random.ts'
import type { Work } from '../../../../src/services/emulators/cores/core.ts'
import { Driver } from '../../../../src/services/emulators/driver.ts'

let nowMs = 0

/** Timers as Node has them: to the millisecond, and at least one. */
beforeEach(() => {
  nowMs = 1000
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Lets time pass in steps of a tenth of a millisecond; the fake timers count whole ones. */
function pass(ms: number): void {
  const until = Math.round((nowMs + ms) * 10)
  for (let tenth = Math.round(nowMs * 10) + 1; tenth <= until; tenth++) {
    nowMs = tenth / 10
    vi.advanceTimersByTime(tenth % 10 === 0 ? 1 : 0)
  }
}

function driverOf(meanMs: number) {
  const core = new FifoCore(
    { model: 'fifo', law: { kind: 'fixed', meanMs }, servers: 1, queueLimit: null },
    seededRandom(1),
  )
  const told: { id: number; atMs: number; toldMs: number }[] = []
  const driver = new Driver<Work, FifoDone>(core, ({ id, atMs }) => told.push({ id, atMs, toldMs: nowMs }), {
    clock: () => nowMs,
  })
  return { driver, told }
}

describe('the real-time driver', () => {
  it.each([0.3, 5, 5.2, 5.8, 40.4])(
    'tells of an event %f ms ahead never early and less than a millisecond late',
    (serviceMs) => {
      const { driver, told } = driverOf(serviceMs)
      driver.submit({ id: 1 })
      pass(60)
      expect(told).toHaveLength(1)
      expect(told[0]!.toldMs).toBeGreaterThanOrEqual(told[0]!.atMs)
      expect(told[0]!.toldMs - told[0]!.atMs).toBeLessThan(1)
      driver.close()
    },
  )

  it('does not drift however late its timers are', () => {
    const { driver, told } = driverOf(10)
    for (const id of [1, 2, 3]) driver.submit({ id })
    nowMs += 200
    vi.advanceTimersByTime(200)
    expect(told.map(({ atMs }) => atMs)).toEqual([1010, 1020, 1030])
    expect(driver.overrun.p99Ms).toBeGreaterThan(150)
    expect(driver.overrun.takeWorstMs()).toBeCloseTo(190)
    expect(driver.overrun.takeWorstMs()).toBe(0)
    driver.close()
  })

  it('wakes earlier when something is due earlier', () => {
    const { driver, told } = driverOf(10)
    driver.submit({ id: 1, work: 50 })
    pass(1)
    driver.change((core) => expect(core.nextEventMs()).toBe(1500))
    driver.close()

    nowMs = 1000
    const two = driverOf(10)
    two.driver.submit({ id: 1 })
    pass(3)
    two.driver.submit({ id: 2 })
    pass(30)
    expect(two.told.map(({ id, atMs }) => [id, atMs])).toEqual([
      [1, 1010],
      [2, 1020],
    ])
    expect(told).toEqual([])
    two.driver.close()
  })

  it('says nothing more when closed', () => {
    const { driver, told } = driverOf(5)
    driver.submit({ id: 1 })
    driver.close()
    pass(20)
    expect(told).toEqual([])
  })
})
