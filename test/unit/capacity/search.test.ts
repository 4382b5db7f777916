import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cheapestCounts, type Axis } from '../../../src/capacity/search.ts'

/** Each tier adds work ÷ (count − load) to a latency that must stay below 1. */
const worstOf = (work: readonly number[], load: readonly number[]) => (counts: readonly number[]) =>
  counts.reduce((sum, n, i) => sum + (n > load[i]! ? work[i]! / (n - load[i]!) : 1000), 0)

const tier = fc.record({
  work: fc.double({ min: 0.01, max: 1, noNaN: true }),
  load: fc.double({ min: 0, max: 3, noNaN: true }),
  price: fc.integer({ min: 1, max: 9 }),
})

test('the counts found meet every limit, and no cheaper ones do', () => {
  fc.assert(
    fc.property(fc.array(tier, { minLength: 1, maxLength: 3 }), (tiers) => {
      const axes = tiers.map(({ load, price }): Axis => ({
        least: Math.floor(load) + 1,
        most: 40,
        price,
        because: 'utilization',
      }))
      const worst = worstOf(
        tiers.map(({ work }) => work),
        tiers.map(({ load }) => load),
      )
      const found = cheapestCounts(axes, worst, () => true, 100_000)
      expect(found.feasible).toBe(true)
      expect(worst(found.counts)).toBeLessThanOrEqual(1)
      if (!found.cheapest) return
      const price = (counts: readonly number[]) => counts.reduce((sum, n, i) => sum + n * axes[i]!.price, 0)
      found.counts.forEach((n, i) => {
        if (n > axes[i]!.least)
          expect(worst(found.counts.map((m, j) => (i === j ? m - 1 : m)))).toBeGreaterThan(1)
      })
      // Every combination, up to what was found, tier by tier.
      const every = axes.reduce<number[][]>(
        (all, axis) =>
          all.flatMap((counts) => Array.from({ length: 12 }, (_, k) => [...counts, axis.least + k])),
        [[]],
      )
      const cheaper = every.filter((counts) => price(counts) < price(found.counts) - 1e-9)
      expect(cheaper.every((counts) => worst(counts) > 1)).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test('a limit that more replicas cannot meet is given up, not chased', () => {
  const found = cheapestCounts(
    [{ least: 2, most: 1000, price: 1, because: 'utilization' }],
    () => 1.5,
    () => true,
    1000,
  )
  expect(found).toMatchObject({ feasible: false, counts: [2] })
  expect(found.evaluations).toBeLessThan(5)
})

test('what is not allowed is not recommended as feasible', () => {
  const worst = worstOf([1], [0])
  const found = cheapestCounts(
    [{ least: 1, most: 10, price: 1, because: 'utilization' }],
    (counts) => 3 * worst(counts),
    ([n]) => n! <= 2,
    1000,
  )
  expect(found.feasible).toBe(false)
  expect(found.counts[0]).toBeLessThanOrEqual(2)
})
