import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bucketsOf,
  countAtOrBelow,
  emptyHistogram,
  histogramOf,
  mergeHistograms,
  momentsNs,
  percentileNs,
  quantileNs,
} from '../../../src/recording/histogram.ts'
import { percentiles } from '../../../src/stack/stack.ts'
import { shareOf } from '../../../src/recording/histogram.ts'

const buckets = fc.array(fc.tuple(fc.integer({ min: 0, max: 1e12 }), fc.integer({ min: 1, max: 1e6 })), {
  maxLength: 50,
})

describe('a histogram', () => {
  it('has no percentiles and no moments when it is empty', () => {
    expect(percentileNs(emptyHistogram, 'p50')).toBeNull()
    expect(quantileNs(emptyHistogram, 0.5)).toBeNull()
    expect(momentsNs(emptyHistogram)).toBeNull()
  })

  it('gives the nearest rank, never a value between two samples', () => {
    const histogram = histogramOf([
      [10, 1],
      [20, 1],
      [30, 1],
      [40, 1],
    ])
    expect(percentileNs(histogram, 'p50')).toBe(20)
    expect(percentileNs(histogram, 'p99')).toBe(40)
    expect(quantileNs(histogram, 0.25)).toBe(10)
    expect(quantileNs(histogram, 0.26)).toBe(20)
  })

  it('takes the 990th of 1,000 samples as the p99, although 0.99 × 1000 is not exact in floating point', () => {
    const histogram = histogramOf(Array.from({ length: 1000 }, (_, index) => [index + 1, 1] as const))
    expect(percentiles.map((percentile) => percentileNs(histogram, percentile))).toEqual([
      500, 900, 950, 990, 999,
    ])
  })

  it('counts failures as infinite: 2 of 100 make the p99 infinite and leave the p95 finite', () => {
    const histogram = histogramOf([[5, 98]])
    expect(percentileNs(histogram, 'p99', 2)).toBe(Infinity)
    expect(percentileNs(histogram, 'p95', 2)).toBe(5)
    expect(percentileNs(emptyHistogram, 'p50', 1)).toBe(Infinity)
  })

  it('agrees with sorting every sample', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1e12 }), { minLength: 1, maxLength: 400 }),
        fc.nat(50),
        (samples, failures) => {
          const histogram = histogramOf(samples.map((sample) => [sample, 1] as const))
          const sorted = [
            ...samples.toSorted((a, b) => a - b),
            ...Array.from({ length: failures }, () => Infinity),
          ]
          for (const percentile of percentiles) {
            const rank = Math.ceil((Math.round(shareOf(percentile) * 1000) * sorted.length) / 1000)
            expect(percentileNs(histogram, percentile, failures)).toBe(sorted[rank - 1])
          }
        },
      ),
    )
  })

  it('merges to what recording everything into one would have given, in any order', () => {
    fc.assert(
      fc.property(fc.array(buckets, { maxLength: 6 }), (parts) => {
        const merged = mergeHistograms(parts.map(histogramOf))
        expect([...bucketsOf(merged)]).toEqual([...bucketsOf(histogramOf(parts.flat()))])
        expect(mergeHistograms(parts.map(histogramOf).toReversed())).toEqual(merged)
      }),
    )
  })

  it('counts the samples up to a value', () => {
    const histogram = histogramOf([
      [10, 3],
      [20, 2],
    ])
    expect([5, 10, 19, 20, 99].map((value) => countAtOrBelow(histogram, value))).toEqual([0, 3, 3, 5, 5])
  })

  it('has the mean and standard deviation of its samples', () => {
    const histogram = histogramOf([2, 4, 4, 4, 5, 5, 7, 9].map((value) => [value, 1] as const))
    expect(momentsNs(histogram)).toEqual({ mean: 5, stddev: 2 })
  })
})
