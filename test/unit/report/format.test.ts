import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytes, change, duration, figure, instant, rate, share } from '../../../src/report/format.ts'
import { linearScale, logScale, percentileScale, timeScale } from '../../../src/report/html/scale.ts'

describe('figures', () => {
  it.each([
    [0, '0'],
    [0.04213, '0.0421'],
    [4.2136, '4.21'],
    [42.136, '42.1'],
    [999.96, '1,000'],
    [4213.6, '4,214'],
    [1_234_567, '1,234,567'],
    [50, '50'],
    [null, '–'],
    [Number.NaN, '–'],
    [Infinity, '∞'],
  ])('%d is %s', (value, text) => expect(figure(value)).toBe(text))

  it.each([
    [0, '0 ms'],
    [0.0421, '42.1 µs'],
    [0.421, '421 µs'],
    [4.21, '4.21 ms'],
    [1230, '1.23 s'],
    [125_000, '2 min 5 s'],
    [3_600_000, '1 h'],
    [null, '–'],
  ])('%d ms is %s', (value, text) => expect(duration(value)).toBe(text))

  it('shows rates, shares, bytes, changes and instants with their units', () => {
    expect([rate(49.8), rate(null), share(0.001), share(null)]).toEqual(['49.8/s', '–', '0.1 %', '–'])
    expect([bytes(0), bytes(999), bytes(96_400_000), bytes(8e9)]).toEqual(['0 B', '999 B', '96.4 MB', '8 GB'])
    expect([change(0.123), change(-0.05), change(0), change(null)]).toEqual(['+12.3 %', '−5 %', '±0 %', '–'])
    expect(instant('2026-11-21T13:22:05.123Z')).toBe('2026-11-21 13:22:05 UTC')
  })

  it('never show an exponent', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e20, max: 1e20 }), (value) => {
        expect(figure(value)).not.toContain('e')
      }),
    )
  })
})

describe('an axis', () => {
  const value = fc.double({ min: 1e-6, max: 1e9, noNaN: true })

  it('has 2 to 12 ticks in order, within its range, the last at or beyond the data', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        for (const scale of [linearScale(a, [0, 100]), logScale(Math.min(a, b), Math.max(a, b), [0, 100])]) {
          expect(scale.ticks.length).toBeGreaterThanOrEqual(2)
          expect(scale.ticks.length).toBeLessThanOrEqual(18)
          expect(scale.ticks).toEqual(scale.ticks.toSorted((x, y) => x - y))
          expect(scale.ticks.at(-1)).toBeGreaterThanOrEqual(a * (1 - 1e-9))
          for (const tick of scale.ticks) expect(scale.at(tick)).toBeGreaterThanOrEqual(0)
          for (const tick of scale.ticks) expect(scale.at(tick)).toBeLessThanOrEqual(100)
        }
      }),
    )
  })

  it('never puts a greater value before a lesser one', () => {
    fc.assert(
      fc.property(value, value, value, (a, b, max) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        for (const scale of [linearScale(max, [0, 1000]), logScale(max / 1000, max, [0, 1000])]) {
          expect(scale.at(low)).toBeLessThanOrEqual(scale.at(high))
        }
      }),
    )
  })

  it('spaces 90, 99 and 99.9 % equally', () => {
    const scale = percentileScale(0.999, [0, 300])
    expect([0, 0.9, 0.99, 0.999].map((share) => scale.at(share))).toEqual([0, 100, 200, 300])
    expect(scale.ticks).toEqual([0, 0.5, 0.9, 0.99, 0.999])
  })

  it('ticks time at round seconds and minutes', () => {
    expect(timeScale(95, [0, 1], 6).ticks).toEqual([0, 30, 60, 90])
    expect(timeScale(3600, [0, 1], 6).ticks).toEqual([0, 600, 1200, 1800, 2400, 3000, 3600])
  })
})
