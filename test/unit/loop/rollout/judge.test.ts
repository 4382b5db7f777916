import { describe, expect, it } from 'vitest'
import {
  type JudgeOptions,
  type ReleaseSample,
  type RowVerdict,
  judge,
} from '../../../../src/loop/rollout/judge.ts'
import { type Drawn, type Law, draw, randomOf, sampleOf, timedSampleOf } from './samples.ts'

const information = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]
const steps = 4
const options: Omit<JudgeOptions, 'look'> = {
  stage: 'embed',
  tolerance: 0.1,
  errorTolerance: 0.005,
  steps,
  information,
}

/** One step, looked at until it is decided. */
function stepOf(requests: number, current: Law, next: Law, seed: number): RowVerdict {
  const random = randomOf(seed)
  const [a, b]: [Drawn, Drawn] = [
    { latenciesMs: [], failed: 0 },
    { latenciesMs: [], failed: 0 },
  ]
  let before = 0
  for (const [look, t] of information.entries()) {
    const more = Math.round(requests * (t - before))
    before = t
    draw(a, more, current, random)
    draw(b, more, next, random)
    const { verdict } = judge(sampleOf(a), sampleOf(b), { ...options, look }, () => random.uniform())
    if (verdict !== 'cannot tell') return verdict
  }
  return 'cannot tell'
}

function rolloutOf(requests: number, current: Law, next: Law, seed: number): RowVerdict {
  for (let step = 0; step < steps; step++) {
    const verdict = stepOf(requests, current, next, seed * 100 + step)
    if (verdict !== 'as good') return verdict
  }
  return 'as good'
}

/** How often each verdict falls. */
function counted(rounds: number, verdictOf: (seed: number) => RowVerdict): Record<RowVerdict, number> {
  const counts = { 'as good': 0, worse: 0, 'cannot tell': 0 }
  for (let seed = 1; seed <= rounds; seed++) counts[verdictOf(seed)]++
  return counts
}

/** A count that a risk allows, and four standard deviations of it more. */
const allowed = (rounds: number, risk: number): number =>
  rounds * risk + 4 * Math.sqrt(rounds * risk * (1 - risk))

describe('a rollout of a release that is no worse', { timeout: 120_000 }, () => {
  const law: Law = { meanMs: 20, errors: 0.004 }

  it('is rolled back with no more than the stated risk, where there are too few samples to pass', () => {
    const { worse } = counted(150, (seed) => rolloutOf(800, law, law, seed))
    expect(worse).toBeLessThanOrEqual(allowed(150, 0.05))
  })

  it('passes a step where there are enough samples, and is not called worse', () => {
    const steady: Law = { meanMs: 5, leastMs: 45, errors: 0.001 }
    const counts = counted(60, (seed) => stepOf(8_000, steady, steady, seed))
    expect(counts['as good']).toBeGreaterThanOrEqual(58)
    expect(counts.worse).toBe(0)
  })
})

describe('a release that is worse by the tolerance', { timeout: 120_000 }, () => {
  it.each<[string, Law, Law]>([
    ['in latency', { meanMs: 5, leastMs: 45 }, { meanMs: 5.5, leastMs: 49.5 }],
    ['in errors', { meanMs: 5, leastMs: 45 }, { meanMs: 5, leastMs: 45, errors: 0.005 }],
  ])('passes a step with no more than the stated risk: %s', (_, current, next) => {
    const counts = counted(150, (seed) => stepOf(4_000, current, next, seed))
    expect(counts['as good']).toBeLessThanOrEqual(allowed(150, 0.05))
  })
})

describe('a release that is much worse', { timeout: 120_000 }, () => {
  it.each<[string, Law, Law]>([
    ['half as slow again', { meanMs: 20 }, { meanMs: 30 }],
    ['with errors in one request of twenty', { meanMs: 20 }, { meanMs: 20, errors: 0.05 }],
  ])('is found out nine times of ten with 1,200 requests: %s', (_, current, next) => {
    const counts = counted(60, (seed) => stepOf(1_200, current, next, seed))
    expect(counts.worse).toBeGreaterThanOrEqual(54)
    expect(counts['as good']).toBe(0)
  })

  it('is found out at the first look when every request fails', () => {
    const random = randomOf(1)
    const [a, b]: [Drawn, Drawn] = [
      { latenciesMs: [], failed: 0 },
      { latenciesMs: [], failed: 0 },
    ]
    draw(a, 60, { meanMs: 20 }, random)
    draw(b, 60, { meanMs: 20, errors: 1 }, random)
    const { verdict, rows } = judge(sampleOf(a), sampleOf(b), { ...options, look: 0 }, random.uniform)
    expect(verdict).toBe('worse')
    expect(rows.map(({ metric, next }) => [metric, next])).toEqual([
      ['errors', 1],
      ['latency.p50', null],
      ['latency.p95', null],
    ])
  })
})

describe('a judgement', () => {
  it('never calls a change below the tolerance worse, however many samples show it', () => {
    const counts = counted(10, (seed) =>
      stepOf(40_000, { meanMs: 5, leastMs: 45 }, { meanMs: 5, leastMs: 48 }, seed),
    )
    expect(counts.worse).toBe(0)
    expect(counts['as good']).toBe(10)
  })

  it('takes a difference below a millisecond for none', () => {
    expect(stepOf(20_000, { meanMs: 0.1, leastMs: 1 }, { meanMs: 0.1, leastMs: 1.5 }, 1)).toBe('as good')
  })

  it('says how many times as many samples would tell', () => {
    const random = randomOf(3)
    const [a, b]: [Drawn, Drawn] = [
      { latenciesMs: [], failed: 0 },
      { latenciesMs: [], failed: 0 },
    ]
    draw(a, 500, { meanMs: 20 }, random)
    draw(b, 500, { meanMs: 20 }, random)
    const few = judge(sampleOf(a), sampleOf(b), { ...options, look: 4 }, random.uniform)
    expect(few.verdict).toBe('cannot tell')
    expect(few.moreSamples).toBeGreaterThan(2)
  })
})

describe('requests that share a queue', { timeout: 120_000 }, () => {
  /** A minute of one server at 70 % load, second by second: each latency follows from the one before (Lindley). */
  function minuteOf(seed: number): ReleaseSample {
    const random = randomOf(seed)
    const seconds: number[][] = Array.from({ length: 60 }, () => [])
    let [at, wait] = [0, 0]
    while (at < 60_000) {
      const gap = 50 * random.exponential()
      const service = 35 * random.exponential()
      seconds[Math.min(59, Math.floor(at / 1000))]?.push(wait + service)
      wait = Math.max(0, wait + service - gap)
      at += gap
    }
    return timedSampleOf(seconds)
  }

  it('raise no more false alarms than stated, though what one waits the next waits too', () => {
    const rounds = 60
    let alarms = 0
    for (let seed = 1; seed <= rounds; seed++) {
      const random = randomOf(seed)
      const { verdict } = judge(
        minuteOf(2 * seed),
        minuteOf(2 * seed + 1),
        { ...options, steps: 1, information: [1], look: 0 },
        () => random.uniform(),
      )
      if (verdict === 'worse') alarms++
    }
    expect(alarms).toBeLessThanOrEqual(allowed(rounds, 0.05))
  })
})
