import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lruHitRatio, zipfProbabilities } from '../../../src/capacity/caching.ts'
import {
  allenCunneen,
  erlangB,
  erlangC,
  fanOutProbability,
  hpaReplicas,
  little,
  meanWait,
  mm1Quantile,
  warmHeadroom,
} from '../../../src/capacity/queueing.ts'
import { fitUsl, uslPeak, uslThroughput } from '../../../src/capacity/usl.ts'

describe('closed forms give the known answers', () => {
  test('Erlang C of 3 servers at a load of 2 is 4/9', () => {
    expect(erlangC(3, 2)).toBeCloseTo(4 / 9, 12)
  })

  test('200 calls an hour of 180 s on 14 agents wait with probability 0.17413, 7.836 s on average', () => {
    expect(erlangC(14, 10)).toBeCloseTo(0.17413, 5)
    expect(meanWait(14, 200 / 3600, 180)).toBeCloseTo(7.836, 3)
  })

  test('M/M/1 at 80 of 100/s takes 50 ms on average and 230.3 ms at P99', () => {
    expect(meanWait(1, 0.08, 10) + 10).toBeCloseTo(50, 9)
    expect(mm1Quantile(0.08, 0.1, 0.99)).toBeCloseTo(230.26, 2)
  })

  test('an LRU of 1,000 of 10,000 queries with Zipf 1.0 hits 0.6756', () => {
    expect(lruHitRatio(zipfProbabilities(10_000, 1), 1000)).toBeCloseTo(0.6756, 4)
  })

  test('USL of the published parameters gives the published throughputs', () => {
    const usl = { alpha: 0.0277285, beta: 0.0001044, gamma: 89.9952 }
    const counts = [1, 18, 36, 72, 108, 144, 216]
    const published = [90, 1078, 1541, 1850, 1879, 1822, 1646]
    // The published parameters are rounded, which is worth up to one in a thousand and eight hundred.
    counts.forEach((n, i) => expect(Math.abs(uslThroughput(usl, n) - published[i]!)).toBeLessThan(1))
    expect(uslPeak(usl)).toBeCloseTo(Math.sqrt((1 - 0.0277285) / 0.0001044), 9)
  })

  test('the HPA asks for 60 of 50 replicas at 90 against 75, and changes nothing within 10 %', () => {
    expect(hpaReplicas(50, 90, 75)).toBe(60)
    expect(hpaReplicas(50, 80, 75)).toBe(50)
  })

  test('the slowest of k shards meets P99 when each meets 0.99^(1/k)', () => {
    expect(fanOutProbability(0.99, 6)).toBeCloseTo(0.998326, 6)
  })

  test('Little: 100/s that take 0.25 s each are 25 at a time; growth of 90/s at 40/s a replica needs 3 warm', () => {
    expect(little(100, 0.25)).toBe(25)
    expect(warmHeadroom(10, 100, 40)).toBe(3)
    expect(warmHeadroom(100, 10, 40)).toBe(0)
  })
})

describe('closed forms keep their limits', () => {
  const servers = fc.integer({ min: 1, max: 200 })
  const share = fc.double({ min: 0.01, max: 0.99, noNaN: true })

  test('the chance to wait lies between none and all, above the chance to be refused', () => {
    fc.assert(
      fc.property(servers, share, (c, rho) => {
        const wait = erlangC(c, c * rho)
        expect(wait).toBeGreaterThanOrEqual(erlangB(c, c * rho))
        expect(wait).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('one server waits with the probability of its load, and at full load everybody waits for ever', () => {
    fc.assert(
      fc.property(share, (rho) => {
        expect(erlangC(1, rho)).toBeCloseTo(rho, 9)
      }),
    )
    expect(erlangC(4, 4)).toBe(1)
    expect(meanWait(4, 4, 1)).toBe(Infinity)
    expect(mm1Quantile(2, 1, 0.99)).toBe(Infinity)
  })

  test('Allen–Cunneen is M/M/c for exponential gaps and service, and half of it for fixed service', () => {
    fc.assert(
      fc.property(servers, share, (c, rho) => {
        expect(allenCunneen(c, c * rho, 1, 1, 1)).toBeCloseTo(meanWait(c, c * rho, 1), 9)
        expect(allenCunneen(c, c * rho, 1, 1, 0)).toBeCloseTo(meanWait(c, c * rho, 1) / 2, 9)
      }),
    )
  })

  test('a larger cache hits no less, an empty one never, a whole one always', () => {
    const probabilities = zipfProbabilities(500, 0.9)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 498 }), (size) => {
        expect(lruHitRatio(probabilities, size + 1)).toBeGreaterThanOrEqual(lruHitRatio(probabilities, size))
      }),
    )
    expect(lruHitRatio(probabilities, 0)).toBe(0)
    expect(lruHitRatio(probabilities, 500)).toBe(1)
  })

  test('USL is found again from its own throughputs, whatever it was', () => {
    const parameter = (max: number) => fc.double({ min: 0, max, noNaN: true })
    fc.assert(
      fc.property(
        parameter(0.2),
        parameter(0.002),
        fc.double({ min: 1, max: 1000, noNaN: true }),
        (alpha, beta, gamma) => {
          const points = [1, 2, 4, 8, 16].map((n) => [n, uslThroughput({ alpha, beta, gamma }, n)] as const)
          const found = fitUsl(points)
          expect(found.alpha).toBeCloseTo(alpha, 6)
          expect(found.beta).toBeCloseTo(beta, 6)
          expect(found.gamma / gamma).toBeCloseTo(1, 6)
        },
      ),
    )
  })

  test('two counts fit contention alone, and better than linear is no contention', () => {
    const found = fitUsl([
      [1, 100],
      [2, 190],
    ])
    expect(found.beta).toBe(0)
    expect(found.alpha).toBeCloseTo(0.05263, 4)
    expect(
      fitUsl([
        [1, 100],
        [2, 210],
      ]).alpha,
    ).toBe(0)
  })
})
