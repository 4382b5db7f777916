import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Inspected, isOverdue } from '../../../../src/targets/docker/health-checks.ts'

const startedMs = Date.parse('2026-03-04T05:06:07Z')
const isoAt = (ms: number): string => new Date(ms).toISOString()

/** One that started then, is checked every 5 s for at most 3 s, and was checked so long after its start. */
function inspected(checkedAfterMs: readonly number[], running = true): Inspected {
  return {
    State: {
      Running: running,
      StartedAt: isoAt(startedMs),
      Health: { Log: checkedAfterMs.map((ms) => ({ End: isoAt(startedMs + ms) })) },
    },
    Config: { Healthcheck: { Interval: 5e9, Timeout: 3e9 } },
  }
}

test('a check is overdue half a minute after the longest time that it may take to come', () => {
  expect(isOverdue(inspected([]), startedMs + 38_000)).toBe(false)
  expect(isOverdue(inspected([]), startedMs + 38_001)).toBe(true)
  expect(isOverdue(inspected([5_100, 10_200]), startedMs + 48_200)).toBe(false)
  expect(isOverdue(inspected([5_100, 10_200]), startedMs + 48_201)).toBe(true)
})

test('the checks of one that has ended are not', () => {
  expect(isOverdue(inspected([], false), startedMs + 3_600_000)).toBe(false)
})

test('one whose file says nothing of its times is checked at the engine’s own, which are half a minute each', () => {
  const { State } = inspected([])
  for (const Healthcheck of [undefined, {}, { Interval: 0, Timeout: 0 }]) {
    const one = { State, Config: Healthcheck === undefined ? {} : { Healthcheck } }
    expect(isOverdue(one, startedMs + 90_000)).toBe(false)
    expect(isOverdue(one, startedMs + 90_001)).toBe(true)
  }
})

test('whatever checks there were, one just ended is never followed by an overdue one', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1e9), { minLength: 1 }), fc.nat(38_000), (ends, laterMs) => {
      expect(isOverdue(inspected(ends), startedMs + Math.max(...ends) + laterMs)).toBe(false)
    }),
  )
})
