import { describe, expect, it } from 'vitest'
import { assembleRun } from '../../../src/recording/assemble.ts'
import { compareRuns, type Comparable } from '../../../src/recording/compare.ts'
import { histogramOf } from '../../../src/recording/histogram.ts'
import { seriesOf } from '../../../src/recording/hlog.ts'
import {
  differenceOf,
  knownPercentile,
  knownShare,
  normalQuantileAbove,
  ratioOf,
  z95,
  type Random,
} from '../../../src/recording/noise.ts'
import type { RunFacts } from '../../../src/recording/run.ts'
import type { Series } from '../../../src/recording/series.ts'
import { facts, line, recorded, t0 } from './fixtures.ts'

function numbers(seed: number): Random {
  let state = seed
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648
}

/** 30 seconds of 50 exponential latencies around a mean that may wander from second to second. */
function latencies(meanMs: number, seed: number, wander = 0, tag = 's1.embed.latency'): Series {
  const random = numbers(seed)
  return seriesOf(
    tag,
    Array.from({ length: 30 }, (_, second) => {
      const factor = Math.exp(wander * (random() - 0.5))
      const samples = Array.from({ length: 50 }, () => -Math.log(1 - random()) * meanMs * factor)
      return {
        startMs: t0 + second * 1000,
        endMs: t0 + second * 1000 + 1000,
        histogram: histogramOf(samples.map((ms) => [Math.round(ms * 1e6), 1] as const)),
      }
    }),
  )
}

interface Given {
  meanMs?: number
  seed?: number
  wander?: number
  failed?: number
  facts?: Partial<RunFacts>
  rate?: number
  cpuSeconds?: number
}

function runOf(given: Given): Comparable {
  const one = latencies(given.meanMs ?? 20, given.seed ?? 1, given.wander ?? 0)
  const series = new Map([[one.tag, one]])
  const rate = given.rate ?? 50
  const steps = [
    line({ failed: given.failed ?? 0, fromRate: rate, toRate: rate, cpuSeconds: given.cpuSeconds ?? 9 }),
  ]
  const run = assembleRun(facts(given.facts ?? {}), [], recorded({ steps, series }), {
    endedAt: new Date(t0 + 60_000).toISOString(),
    interrupted: false,
  })
  return { run, series }
}

const compared = (baseline: Given, run: Given) =>
  compareRuns(runOf(baseline), runOf({ seed: 2, ...run }), numbers(3))

describe('comparing two runs', () => {
  it('finds nothing between a run and itself', () => {
    const result = compareRuns(runOf({}), runOf({}), numbers(3))
    expect(result.rows.map((row) => row.change)).toEqual([0, 0, 0, 0])
    expect(result.rows.filter((row) => ['regression', 'improvement'].includes(row.verdict))).toEqual([])
  })

  it.each([
    ['steady', 0],
    ['wandering from second to second', 1.5],
  ])('seldom raises a false alarm between two runs of one system whose latency is %s', (_name, wander) => {
    let alarms = 0
    for (let index = 0; index < 25; index++) {
      const [a, b] = [runOf({ seed: 10 + index, wander }), runOf({ seed: 1000 + index, wander })]
      const result = compareRuns(a, b, numbers(index))
      if (result.rows.some((row) => row.verdict === 'regression' || row.verdict === 'improvement')) alarms++
    }
    expect(alarms).toBeLessThanOrEqual(2)
  })

  it('finds what is a third slower, and what is a third faster', () => {
    expect(compared({}, { meanMs: 27 })).toMatchObject({ verdict: 'regression' })
    expect(
      compared({}, { meanMs: 14 }).rows.filter((row) => row.verdict === 'improvement').length,
    ).toBeGreaterThan(1)
  })

  it('lets a change below the tolerance pass, however certain it is', () => {
    const result = compareRuns(runOf({}), runOf({ meanMs: 24, seed: 2 }), numbers(3), 0.5)
    expect(result.verdict).not.toBe('regression')
  })

  it('finds errors that were not there', () => {
    const errors = compared({}, { failed: 30 }).rows.find((row) => row.metric === 'errors')
    expect(errors).toMatchObject({ baseline: 0, run: 0.02, verdict: 'regression' })
    expect(compared({}, { failed: 1 }).rows.find((row) => row.metric === 'errors')?.verdict).not.toBe(
      'regression',
    )
  })

  it('says what differs in the environment', () => {
    const result = compared({}, { facts: { seed: 2, arrivals: 'constant' } })
    expect(result.differences).toEqual([
      { what: 'the arrivals', baseline: 'poisson', run: 'constant', refused: false },
      { what: 'the seed', baseline: '1', run: '2', refused: false },
    ])
  })

  it('refuses to compare a rehearsal with a measurement', () => {
    expect(() => compared({}, { facts: { emulated: false } })).toThrow('cannot be compared')
    expect(() => compared({}, { facts: { emulated: false } })).toThrow(
      expect.objectContaining({ exitCode: 2 }),
    )
  })

  it('leaves out steps that may not be believed and steps without a partner, and refuses when none is left', () => {
    expect(() => compared({}, { cpuSeconds: 59 })).toThrow('s1 may not be believed')
    expect(() => compared({}, { rate: 80 })).toThrow('has no step of its rate')
  })
})

describe('how well a percentile is known', () => {
  it('contains the true percentile in about 95 of 100 measurements', () => {
    const truth = { p50: Math.log(2) * 20, p95: Math.log(20) * 20, p99: Math.log(100) * 20 }
    for (const percentile of ['p50', 'p95', 'p99'] as const) {
      const exact = truth[percentile]
      let inside = 0
      for (let seed = 0; seed < 40; seed++) {
        const estimate = knownPercentile(latencies(20, seed * 77 + 5), percentile, numbers(seed + 1))!.at(z95)
        if (estimate.low <= exact && exact <= estimate.high) inside++
      }
      expect(inside, percentile).toBeGreaterThanOrEqual(35)
    }
  })

  it('is not bounded above by samples that are too few', () => {
    const few = seriesOf('a.b.c', [{ startMs: t0, endMs: t0 + 1000, histogram: histogramOf([[1e6, 50]]) }])
    expect(knownPercentile(few, 'p99', numbers(1))!.at(z95)).toEqual({ value: 1, low: 1, high: Infinity })
  })

  it('gives ratios and differences with the interval of both parts', () => {
    const about = (value: number, half: number) => ({
      value,
      at: () => ({ value, low: value / half, high: value * half }),
    })
    const ratio = ratioOf(about(10, 1.1), about(20, 1.1)).at(z95)
    expect(ratio.value).toBeCloseTo(2)
    expect(ratio.low).toBeCloseTo(2 / 1.1 ** Math.SQRT2)
    expect(ratio.high).toBeCloseTo(2 * 1.1 ** Math.SQRT2)
  })

  it('knows the normal quantiles', () => {
    for (const [share, z] of [
      [0.025, 1.95996],
      [0.005, 2.57583],
      [0.0005, 3.29053],
    ] as const) {
      expect(normalQuantileAbove(share)).toBeCloseTo(z, 2)
    }
  })

  it('agrees with a published example of the difference of two shares', () => {
    // Newcombe 1998, table II (a): 56/70 − 48/80, method 10: 0.0524 to 0.3339.
    const difference = differenceOf(knownShare(48, 80), knownShare(56, 70)).at(z95)
    expect(difference.value).toBeCloseTo(0.2)
    expect(difference.low).toBeCloseTo(0.0524, 4)
    expect(difference.high).toBeCloseTo(0.3339, 4)
  })
})
