import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchingCore } from '../../../../../src/services/emulators/cores/batching.ts'
import type { BatchingDone, BatchingEmulation } from '../../../../../src/services/emulators/cores/batching.ts'
import { seededRandom } from '../../../../../src/services/emulators/cores/random.ts'

const emulation: BatchingEmulation = {
  model: 'batching',
  overheadMs: 5,
  msPerToken: 0.1,
  maxBatchTokens: 100,
  maxConcurrent: 8,
  cv: 0,
}
const coreOf = (over: Partial<BatchingEmulation> = {}) =>
  new BatchingCore({ ...emulation, ...over }, seededRandom(1))
const told = (events: BatchingDone[]) =>
  events.map(({ id, startMs, atMs, batchSize }) => ({ id, startMs, atMs, batchSize }))

describe('a batching core', () => {
  it('serves one alone at once, and those that came meanwhile together', () => {
    const core = coreOf()
    core.submit({ id: 1, tokens: 20 }, 0)
    core.submit({ id: 2, tokens: 30 }, 1)
    core.submit({ id: 3, tokens: 50 }, 2)
    expect(told(core.advance(Infinity))).toEqual([
      { id: 1, startMs: 0, atMs: 7, batchSize: 1 },
      { id: 2, startMs: 7, atMs: 20, batchSize: 2 },
      { id: 3, startMs: 7, atMs: 20, batchSize: 2 },
    ])
    expect(core.busyMs).toBe(20)
  })

  it('takes into one batch what arrives at the same instant', () => {
    const core = coreOf()
    for (const id of [1, 2, 3]) core.submit({ id, tokens: 10 }, 4)
    expect(core.waiting).toBe(3)
    expect(core.nextEventMs()).toBe(4)
    expect(core.advance(4)).toEqual([])
    expect(core.batch).toEqual({ size: 3, tokens: 30 })
  })

  it('stops a batch at the first request that does not fit, and takes one that never fits alone', () => {
    const core = coreOf()
    core.submit({ id: 1, tokens: 10 }, 0)
    core.advance(0)
    for (const [id, tokens] of [
      [2, 60],
      [3, 60],
      [4, 10],
      [5, 500],
    ] as const)
      core.submit({ id, tokens }, 1)
    expect(told(core.advance(Infinity)).map(({ id, startMs }) => [id, startMs])).toEqual([
      [1, 0],
      [2, 6],
      [3, 17],
      [4, 17],
      [5, 29],
    ])
  })

  it('refuses beyond the most it may hold, except those that wait for their turn', () => {
    const core = coreOf({ maxConcurrent: 1 })
    expect(core.submit({ id: 1, tokens: 10 }, 0)).toBe('accepted')
    expect(core.submit({ id: 2, tokens: 10 }, 1)).toBe('refused')
    expect(core.submit({ id: 3, tokens: 10, patient: true }, 1)).toBe('accepted')
    core.advance(20)
    expect(core.submit({ id: 4, tokens: 10 }, 20)).toBe('accepted')
  })

  it('forgets a request that waits, and finishes one that runs', () => {
    const core = coreOf()
    core.submit({ id: 1, tokens: 10 }, 0)
    core.submit({ id: 2, tokens: 10 }, 1)
    expect(core.cancel(2, 2)).toBe(true)
    expect(core.cancel(1, 2)).toBe(false)
    expect(core.advance(Infinity).map(({ id }) => id)).toEqual([1])
  })

  it('does the same whether it is asked often or seldom', () => {
    const arrivals = fc.array(
      fc.record({
        gap: fc.double({ min: 0, max: 10, noNaN: true }),
        tokens: fc.integer({ min: 1, max: 80 }),
      }),
      { maxLength: 50 },
    )
    fc.assert(
      fc.property(arrivals, fc.integer(), (list, seed) => {
        const play = (often: boolean): BatchingDone[] => {
          const core = new BatchingCore({ ...emulation, maxConcurrent: 1000, cv: 0.3 }, seededRandom(seed))
          const events: BatchingDone[] = []
          let nowMs = 0
          list.forEach(({ gap, tokens }, id) => {
            nowMs += gap + 0.001
            if (often) while (core.nextEventMs() <= nowMs) events.push(...core.advance(core.nextEventMs()))
            core.submit({ id, tokens }, nowMs)
          })
          events.push(...core.advance(Infinity))
          return events
        }
        const often = play(true)
        expect(often).toEqual(play(false))
        expect(often.map(({ id }) => id)).toEqual(list.map((_, id) => id))
        for (const { batchTokens, batchSize } of often)
          expect(batchTokens <= 100 || batchSize === 1).toBe(true)
      }),
    )
  })
})
