import { describe, expect, it } from 'vitest'
import type { Judgement, ReleaseRow } from '../../../../src/loop/rollout/judge.ts'
import { changeWords, lookLine } from '../../../../src/loop/rollout/view.ts'

const row = (interval: ReleaseRow['interval']): ReleaseRow => ({
  metric: 'latency.p95',
  unit: 'ms',
  current: 100,
  next: 110,
  change: 0.1,
  interval,
  tolerance: 0.1,
  verdict: 'cannot tell',
})

describe('a change that was seen', () => {
  it.each([
    [[-0.2, 0.4], 'latency.p95 +10 % (−20 % … +40 %)'],
    [[-0.2, null], 'latency.p95 +10 % (−20 % or more)'],
    [[null, 0.4], 'latency.p95 +10 % (+40 % or less)'],
    [[null, null], 'latency.p95 +10 % (or anything)'],
  ] as const)('is told with what is not excluded: %o', (interval, words) => {
    expect(changeWords(row(interval))).toBe(words)
  })
})

describe('what more would tell', () => {
  it.each([
    [2, '12 s'],
    [12.5, '3 min'],
    [40, '8 min'],
    [10_000, '34 h'],
  ])('is a rough time: %d times as many samples', (moreSamples, words) => {
    const judgement: Judgement = { verdict: 'cannot tell', rows: [row([-0.2, 0.4])], moreSamples }
    expect(lookLine(judgement, 12_000, 60_000)).toMatch(new RegExp(`about ${words} more would tell$`))
  })
})
