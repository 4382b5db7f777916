import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { boundaries, type Spending } from '../../../../src/loop/rollout/boundaries.ts'
import { normalDistribution } from '../../../../src/capacity/normal.ts'
import { randomOf } from './samples.ts'

const fifths = [0.2, 0.4, 0.6, 0.8, 1]

/** Lan & DeMets' likeness of O'Brien & Fleming's boundaries, for its known answers. */
const obrienFleming: Spending = (risk, t) => {
  let [low, high] = [0, 8]
  while (high - low > 1e-9) {
    const middle = (low + high) / 2
    if (1 - normalDistribution(middle) > risk / 2) low = middle
    else high = middle
  }
  return 2 * (1 - normalDistribution(high / Math.sqrt(t)))
}

describe('boundaries by alpha spending', () => {
  it('are those published for Pocock’s likeness, five looks, one-sided 2.5 %', () => {
    const found = boundaries(0.025, fifths)
    const known = [2.438, 2.4268, 2.4101, 2.3966, 2.3859]
    for (const [look, z] of known.entries()) expect(found[look]).toBeCloseTo(z, 2)
  })

  it('are those published for O’Brien and Fleming’s likeness, five looks, one-sided 2.5 %', () => {
    const found = boundaries(0.025, fifths, obrienFleming)
    const known = [4.8769, 3.3569, 2.6803, 2.2898, 2.031]
    for (const [look, z] of known.entries()) expect(found[look]).toBeCloseTo(z, 2)
  })

  it('are the usual quantile where there is one look', () => {
    expect(boundaries(0.05, [1])[0]).toBeCloseTo(1.6449, 3)
  })

  it('raise no more false alarms than stated, however the looks lie', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(0.01, 0.05, 0.1),
        fc.integer({ min: 1, max: 1e6 }),
        (sixteenths, risk, seed) => {
          const information = [...new Set([...sixteenths.toSorted((a, b) => a - b), 16])].map((t) => t / 16)
          const limits = boundaries(risk, information)
          const random = randomOf(seed)
          const rounds = 4_000
          let alarms = 0
          for (let round = 0; round < rounds; round++) {
            let [position, at] = [0, 0]
            const alarmed = information.some((t, look) => {
              position += random.normal() * Math.sqrt(t - at)
              at = t
              return position / Math.sqrt(t) > (limits[look] ?? Infinity)
            })
            if (alarmed) alarms++
          }
          // Five standard deviations of the count either way: it is met, and not merely kept.
          const slack = 5 * Math.sqrt(rounds * risk * (1 - risk))
          expect(alarms).toBeLessThan(rounds * risk + slack)
          expect(alarms).toBeGreaterThan(rounds * risk - slack)
        },
      ),
      { numRuns: 20 },
    )
  })
})
