import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FifoCore } from '../../../../../src/services/emulators/cores/fifo.ts'
import type { FifoDone, FifoEmulation } from '../../../../../src/services/emulators/cores/fifo.ts'
import { TimeHeap } from '../../../../../src/services/emulators/cores/heap.ts'
import { Queue } from '../../../../../src/services/emulators/cores/queue.ts'
import { seededRandom } from '../../../../../src/services/emulators/cores/random.ts'

const exponential: FifoEmulation = {
  model: 'fifo',
  law: { kind: 'exponential', meanMs: 10 },
  servers: 1,
  queueLimit: null,
}
const fixed: FifoEmulation = { ...exponential, law: { kind: 'fixed', meanMs: 10 } }

describe('a first-come-first-served core', () => {
  it('departs as the Kiefer–Wolfowitz recursion says of what it drew', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.double({ min: 0, max: 30, noNaN: true }), { minLength: 1, maxLength: 60 }),
        fc.integer(),
        (servers, gaps, seed) => {
          const drawn: FifoDone[] = []
          const core = new FifoCore({ ...exponential, servers }, seededRandom(seed), (one) => drawn.push(one))
          let nowMs = 0
          const done: FifoDone[] = []
          gaps.forEach((gap, id) => {
            nowMs += gap
            done.push(...core.advance(nowMs))
            core.submit({ id }, nowMs)
          })
          done.push(...core.advance(Infinity))

          const free: number[] = Array.from({ length: servers }, () => 0)
          for (const { arrivalMs, serviceMs, startMs, atMs } of drawn) {
            free.sort((a, b) => a - b)
            const start = Math.max(arrivalMs, free[0]!)
            expect(startMs).toBe(start)
            expect(atMs).toBe(start + serviceMs)
            free[0] = atMs
          }
          expect(done.map(({ atMs }) => atMs)).toEqual(drawn.map(({ atMs }) => atMs).sort((a, b) => a - b))
          expect(core.inFlight).toBe(0)
          expect(core.nextEventMs()).toBe(Infinity)
          expect(core.busyMs).toBeCloseTo(drawn.reduce((sum, { serviceMs }) => sum + serviceMs, 0))
        },
      ),
    )
  })

  it('keeps modelled time when it is told late', () => {
    const core = new FifoCore(fixed, seededRandom(1))
    core.submit({ id: 1 }, 0)
    core.submit({ id: 2 }, 1)
    expect(core.advance(500).map(({ id, atMs }) => [id, atMs])).toEqual([
      [1, 10],
      [2, 20],
    ])
  })

  it('refuses when as many wait as may, and takes the next when one has begun', () => {
    const core = new FifoCore({ ...fixed, queueLimit: 1 }, seededRandom(1))
    expect(core.submit({ id: 1 }, 0)).toBe('accepted')
    expect(core.submit({ id: 2 }, 1)).toBe('accepted')
    expect(core.waiting).toBe(1)
    expect(core.submit({ id: 3 }, 2)).toBe('refused')
    expect(core.submit({ id: 4 }, 10)).toBe('accepted')
    expect(core.advance(Infinity).map(({ id }) => id)).toEqual([1, 2, 4])
  })

  it('may be without a queue at all', () => {
    const core = new FifoCore({ ...fixed, servers: 2, queueLimit: 0 }, seededRandom(1))
    expect([1, 2, 3].map((id) => core.submit({ id }, 0))).toEqual(['accepted', 'accepted', 'refused'])
  })

  it('multiplies a request’s service by its work', () => {
    const core = new FifoCore(fixed, seededRandom(1))
    core.submit({ id: 1, work: 2.5 }, 0)
    expect(core.nextEventMs()).toBe(25)
  })

  it('cannot have no servers', () => {
    expect(() => new FifoCore({ ...fixed, servers: 0 }, seededRandom(1))).toThrow(/servers/)
  })
})

describe('a heap by time', () => {
  it('gives back everything, earliest first, equals in the order in which they came', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (times) => {
        const heap = new TimeHeap<number>()
        times.forEach((time, index) => heap.push(time, index))
        const wanted = times
          .map((time, index) => ({ time, index }))
          .sort((a, b) => a.time - b.time || a.index - b.index)
        expect(heap.popUntil(Infinity)).toEqual(wanted.map(({ index }) => index))
        expect(heap.firstMs).toBe(Infinity)
      }),
    )
  })
})

describe('a queue', () => {
  it('behaves as an array does, however it is used', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant('push' as const), value: fc.integer({ min: 0, max: 5 }) }),
        fc.record({ do: fc.constant('unshift' as const), value: fc.integer({ min: 0, max: 5 }) }),
        fc.record({ do: fc.constant('shift' as const), value: fc.constant(0) }),
        fc.record({ do: fc.constant('remove' as const), value: fc.integer({ min: 0, max: 5 }) }),
      ),
    )
    fc.assert(
      fc.property(steps, (list) => {
        const queue = new Queue<number>()
        const model: number[] = []
        for (const step of list) {
          if (step.do === 'push') {
            queue.push(step.value)
            model.push(step.value)
          } else if (step.do === 'unshift') {
            queue.unshift(step.value)
            model.unshift(step.value)
          } else if (step.do === 'shift') expect(queue.shift()).toBe(model.shift())
          else {
            const at = model.indexOf(step.value)
            expect(queue.remove((value) => value === step.value)).toBe(
              at === -1 ? undefined : model.splice(at, 1)[0],
            )
          }
          expect(queue.size).toBe(model.length)
          expect(queue.peek()).toBe(model[0])
        }
      }),
    )
  })
})
