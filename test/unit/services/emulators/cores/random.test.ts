import { describe, expect, it } from 'vitest'
import { drawService } from '../../../../../src/services/emulators/cores/law.ts'
import { seededRandom } from '../../../../../src/services/emulators/cores/random.ts'
import type { ServiceLaw } from '../../../../../src/stack/stack.ts'

function moments(draw: () => number, count = 200_000): { mean: number; variance: number } {
  let mean = 0
  let squares = 0
  for (let index = 1; index <= count; index++) {
    const value = draw()
    const before = value - mean
    mean += before / index
    squares += before * (value - mean)
  }
  return { mean, variance: squares / count }
}

describe('seeded draws', () => {
  it('repeats itself for the same seed and stream', () => {
    const [a, b] = [seededRandom(7, 'tei'), seededRandom(7, 'tei')]
    expect(Array.from({ length: 50 }, a.normal)).toEqual(Array.from({ length: 50 }, b.normal))
  })

  it('differs between seeds, between streams, and between seeds that differ above 32 bits', () => {
    const first = (seed: number, stream: string) => seededRandom(seed, stream).uniform()
    const draws = [first(1, ''), first(2, ''), first(1, 'a'), first(1, 'b'), first(1 + 2 ** 32, '')]
    expect(new Set(draws).size).toBe(draws.length)
  })

  it('spreads the first draws of neighbouring seeds evenly', () => {
    const { mean, variance } = moments(
      (() => {
        let seed = 0
        return () => seededRandom(seed++).uniform()
      })(),
      20_000,
    )
    expect(mean).toBeCloseTo(0.5, 1)
    expect(variance).toBeCloseTo(1 / 12, 2)
  })

  it('has the moments of each law', () => {
    const random = seededRandom(3)
    expect(moments(random.normal).mean).toBeCloseTo(0, 1)
    expect(moments(random.normal).variance).toBeCloseTo(1, 1)
    expect(moments(random.exponential).mean).toBeCloseTo(1, 1)
    expect(moments(random.exponential).variance).toBeCloseTo(1, 1)
    for (const shape of [0.4, 1, 2.5]) {
      const { mean, variance } = moments(() => random.gamma(shape))
      expect(mean / shape).toBeCloseTo(1, 1)
      expect(variance / shape).toBeCloseTo(1, 1)
    }
    expect(moments(() => random.below(10)).mean).toBeCloseTo(4.5, 1)
  })
})

describe('a service law', () => {
  const laws: { law: ServiceLaw; cv: number }[] = [
    { law: { kind: 'fixed', meanMs: 10 }, cv: 0 },
    { law: { kind: 'exponential', meanMs: 10 }, cv: 1 },
    { law: { kind: 'lognormal', meanMs: 10, cv: 0.8 }, cv: 0.8 },
    // A tenth takes 5 × as long: mean 1.4 units, second moment 3.4, so cv² = 3.4 / 1.96 − 1.
    { law: { kind: 'bimodal', meanMs: 10, slowShare: 0.1, slowFactor: 5 }, cv: Math.sqrt(3.4 / 1.96 - 1) },
  ]
  it.each(laws)(
    '$law.kind has the mean and the coefficient of variation that it was given',
    ({ law, cv }) => {
      const random = seededRandom(11)
      const { mean, variance } = moments(() => drawService(law, random))
      expect(Math.abs(mean / 10 - 1)).toBeLessThan(0.02)
      expect(Math.abs(Math.sqrt(variance) / mean - cv)).toBeLessThan(0.03)
    },
  )
})
