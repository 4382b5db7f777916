import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ContinuousCore } from '../../../../../src/services/emulators/cores/continuous.ts'
import type {
  ContinuousDone,
  ContinuousEmulation,
  ContinuousEvent,
} from '../../../../../src/services/emulators/cores/continuous.ts'
import { EvenTokensCore } from '../../../../../src/services/emulators/cores/even-tokens.ts'
import { KvCache } from '../../../../../src/services/emulators/cores/kv-cache.ts'
import { seededRandom } from '../../../../../src/services/emulators/cores/random.ts'

const emulation: ContinuousEmulation = {
  model: 'continuous',
  stepMs: 8,
  msPerSequence: 0.5,
  prefillMs: 10,
  msPerPrefillToken: 0.1,
  maxSequences: 4,
  maxBatchedTokens: 100,
  kvTokens: 1600,
  cv: 0,
}
const coreOf = (over: Partial<ContinuousEmulation> = {}) =>
  new ContinuousCore({ ...emulation, ...over }, seededRandom(1))
const timesOf = (events: ContinuousEvent[], id: number) =>
  events.flatMap((event) => (event.kind === 'token' && event.id === id ? [event.atMs] : []))
const doneOf = (events: ContinuousEvent[], id: number) =>
  events.find((event): event is ContinuousDone => event.kind === 'done' && event.id === id)!

describe('a continuously batching core', () => {
  it('takes prefill for the first token and a decode step for each further one', () => {
    const core = coreOf()
    core.submit({ id: 1, promptTokens: 50, outputTokens: 3 }, 100)
    const events = core.advance(Infinity)
    expect(timesOf(events, 1)).toEqual([115, 123.5, 132])
    expect(doneOf(events, 1)).toMatchObject({
      arrivalMs: 100,
      startMs: 100,
      firstTokenMs: 115,
      atMs: 132,
      outputTokens: 3,
    })
    expect(core.busyMs).toBeCloseTo(32)
  })

  it('makes those that decode wait for the prompt of one that joins', () => {
    const core = coreOf()
    core.submit({ id: 1, promptTokens: 50, outputTokens: 4 }, 0)
    core.submit({ id: 2, promptTokens: 20, outputTokens: 2 }, 16)
    // 15: first token of 1. 23.5: its second; 2 joins with a step of 8 + 0.5 + 10 + 2. Then two decode: 9.
    const events = core.advance(Infinity)
    expect(timesOf(events, 1)).toEqual([15, 23.5, 44, 53])
    expect(timesOf(events, 2)).toEqual([44, 53])
  })

  it('cuts a prompt longer than a step may hold into chunks', () => {
    const core = coreOf()
    core.submit({ id: 1, promptTokens: 250, outputTokens: 1 }, 0)
    expect(timesOf(core.advance(Infinity), 1)).toEqual([20 + 20 + 15])
  })

  it('runs no more sequences at once than it may', () => {
    const core = coreOf({ maxSequences: 2 })
    for (const id of [1, 2, 3]) core.submit({ id, promptTokens: 10, outputTokens: 2 }, 0)
    core.advance(0)
    expect([core.running, core.waiting, core.inFlight]).toEqual([2, 1, 3])
    const events = core.advance(Infinity)
    expect(doneOf(events, 3).startMs).toBe(doneOf(events, 1).atMs)
  })

  it('refuses what could never fit into its cache', () => {
    expect(coreOf({ kvTokens: 160 }).submit({ id: 1, promptTokens: 150, outputTokens: 20 }, 0)).toBe(
      'refused',
    )
  })

  it('preempts the last admitted when blocks run out, and finishes it later', () => {
    const core = coreOf({ kvTokens: 64 })
    core.submit({ id: 1, promptTokens: 30, outputTokens: 30 }, 0)
    core.submit({ id: 2, promptTokens: 30, outputTokens: 30 }, 0)
    const events = core.advance(Infinity)
    expect(core.preemptions).toBeGreaterThan(0)
    expect(doneOf(events, 1).atMs).toBeLessThan(doneOf(events, 2).atMs)
    expect(timesOf(events, 2)).toHaveLength(30)
    expect(core.kvUsage).toBe(0)
  })

  it('computes a shared prefix once, and the last prompt token always', () => {
    const core = coreOf({ maxBatchedTokens: 1000 })
    const prefix = [11, 12, 13, 14]
    core.submit({ id: 1, promptTokens: 64, outputTokens: 1, prefix }, 0)
    core.submit({ id: 2, promptTokens: 64, outputTokens: 1, prefix }, 100)
    core.submit({ id: 3, promptTokens: 40, outputTokens: 1, prefix: [11, 99] }, 200)
    const events = core.advance(Infinity)
    expect([1, 2, 3].map((id) => doneOf(events, id).cachedTokens)).toEqual([0, 48, 16])
    expect(timesOf(events, 2)).toEqual([100 + 10 + 1.6])
    expect(core.prefixTokens).toEqual({ queried: 168, hit: 64 })
  })

  it('frees what a cancelled sequence held, waiting or running', () => {
    const core = coreOf({ maxSequences: 1 })
    core.submit({ id: 1, promptTokens: 100, outputTokens: 50 }, 0)
    core.submit({ id: 2, promptTokens: 10, outputTokens: 50 }, 0)
    core.submit({ id: 3, promptTokens: 10, outputTokens: 1 }, 0)
    core.advance(30)
    expect(core.cancel(2, 30)).toBe(true)
    expect(core.cancel(1, 30)).toBe(true)
    expect(core.cancel(7, 30)).toBe(false)
    const events = core.advance(Infinity)
    expect(events.filter((event) => event.kind === 'done').map(({ id }) => id)).toEqual([3])
    expect([core.kvUsage, core.inFlight]).toEqual([0, 0])
  })

  it('gives every sequence its tokens in order, whatever the room and whoever is cancelled', () => {
    const requests = fc.array(
      fc.record({
        gap: fc.double({ min: 0, max: 40, noNaN: true }),
        promptTokens: fc.integer({ min: 1, max: 150 }),
        outputTokens: fc.integer({ min: 1, max: 40 }),
        shared: fc.integer({ min: 0, max: 3 }),
        cancelled: fc.boolean(),
      }),
      { minLength: 1, maxLength: 25 },
    )
    fc.assert(
      fc.property(requests, fc.integer({ min: 12, max: 40 }), fc.integer(), (list, blocks, seed) => {
        const core = new ContinuousCore({ ...emulation, kvTokens: blocks * 16, cv: 0.2 }, seededRandom(seed))
        const events: ContinuousEvent[] = []
        const cancelled = new Set<number>()
        let nowMs = 0
        list.forEach(({ gap, promptTokens, outputTokens, shared, cancelled: cancel }, id) => {
          nowMs += gap
          events.push(...core.advance(nowMs))
          const prefix = Array.from({ length: Math.floor(promptTokens / 16) }, (_, block) =>
            block < shared ? block : id * 1000 + block,
          )
          core.submit({ id, promptTokens, outputTokens, prefix }, nowMs)
          if (cancel && id % 3 === 0 && core.cancel(Math.floor(id / 2), nowMs))
            cancelled.add(Math.floor(id / 2))
        })
        for (let steps = 0; core.nextEventMs() !== Infinity; steps++) {
          expect(steps).toBeLessThan(100_000)
          events.push(...core.advance(core.nextEventMs()))
        }
        const times = events.map(({ atMs }) => atMs)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
        list.forEach(({ outputTokens }, id) => {
          const indices = events.flatMap((event) =>
            event.kind === 'token' && event.id === id ? [event.index] : [],
          )
          expect(indices).toEqual(indices.map((_, index) => index))
          if (!cancelled.has(id)) expect(indices).toHaveLength(outputTokens)
        })
        expect([core.kvUsage, core.inFlight]).toEqual([0, 0])
      }),
      { numRuns: 200 },
    )
  })
})

describe('a KV cache', () => {
  it('evicts the prefix that was used longest ago, its end first', () => {
    const cache = new KvCache(4)
    for (const prefix of [
      ['a', 'b'],
      ['c', 'd'],
    ]) {
      cache.take(2)
      for (const hash of prefix) cache.publish(hash)
      cache.release(0, prefix)
    }
    expect(cache.available).toBe(4)
    cache.take(1)
    expect([cache.match(['a', 'b']), cache.match(['c', 'd'])]).toEqual([1, 2])
    cache.take(1)
    expect([cache.match(['a', 'b']), cache.match(['c', 'd'])]).toEqual([0, 2])
  })

  it('takes nothing when it cannot take all', () => {
    const cache = new KvCache(3)
    expect([cache.take(4), cache.available, cache.take(3), cache.available]).toEqual([false, 3, true, 0])
  })
})

describe('even tokens', () => {
  it('spread a request’s tokens over its service time, the last at its end', () => {
    const core = new EvenTokensCore(
      { model: 'fifo', law: { kind: 'fixed', meanMs: 40 }, servers: 1, queueLimit: null },
      seededRandom(1),
    )
    core.submit({ id: 1, promptTokens: 9, outputTokens: 4 }, 0)
    core.submit({ id: 2, promptTokens: 9, outputTokens: 2 }, 5)
    const events = core.advance(Infinity)
    expect(timesOf(events, 1)).toEqual([10, 20, 30, 40])
    expect(timesOf(events, 2)).toEqual([60, 80])
    expect(doneOf(events, 2)).toMatchObject({ startMs: 40, firstTokenMs: 60, atMs: 80 })
  })
})
