import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../../src/errors.ts'
import * as units from '../../../src/stack/units.ts'

describe('units', () => {
  test.each([
    [units.duration, '2s', 2000],
    [units.duration, '500ms', 500],
    [units.duration, '1m30s', 90_000],
    [units.duration, '1d', 86_400_000],
    [units.duration, '250us', 0.25],
    [units.rate, '20/s', 20],
    [units.rate, '1200/m', 20],
    [units.rate, '1M/day', 1e6 / 86_400],
    [units.rate, '2.5k/s', 2500],
    [units.size, '512MiB', 536_870_912],
    [units.size, '2GB', 2e9],
    [units.money, '20000/month', 20_000],
    [units.money, '$1.5k/month', 1500],
    [units.money, '4/h', 2920],
    [units.percentage, '0.1%', 0.001],
    [units.growth, '2x', 2],
    [units.count, '1_000_000', 1_000_000],
    [units.count, '1.5M', 1_500_000],
  ])('reads %o', (unit, text, value) => {
    expect(unit.parse(text)).toBe(value)
  })

  test.each([
    [units.duration, ['2', '2 parsecs', '', 's', '-1s', '30s1m', '1s1s', '2s later', '1..2s', 'NaNs']],
    [units.rate, ['20', '20/fortnight', '/s', '-20/s', '20 per second', '20/S']],
    [units.size, ['512', '512mb', '1Gib']],
    [units.money, ['20000', '20000/fortnight', '€5/month']],
    [units.percentage, ['0.001', '%', '5 percent']],
    [units.growth, ['2', 'x', '-2x']],
    [units.count, ['1.5', '-1', 'three', '1e30', '0x10']],
  ])('refuses what is not one', (unit, texts) => {
    for (const text of texts) expect(unit.parse(text), text).toBeNull()
  })

  test('a wrong quantity names where it was written, what was expected and what was probably meant', () => {
    expect(() => units.parseRate('50', '--rate')).toThrow(
      '--rate: expected a rate such as 20/s, 1200/m or 1M/day, got "50": did you mean 50/s?',
    )
    expect(() => units.parseDuration('soon')).toThrow(UserError)
    expect(() => units.parseDuration('1e999s')).toThrow('expected a duration')
  })

  test.each([
    [0, '0ms'],
    [250, '250ms'],
    [1500, '1.5s'],
    [600_000, '10m'],
    [1_234_567, '1234.567s'],
  ])('%d ms is printed in the largest unit that keeps it short and exact', (ms, text) => {
    expect(units.formatDuration(ms)).toBe(text)
  })

  test('rates are printed per second where that is exact, else over the interval they came from', () => {
    expect([20, 0.5, 1e6 / 86_400, 1 / 60, 5000].map(units.formatRate)).toEqual([
      '20/s',
      '0.5/s',
      '1M/day',
      '1/m',
      '5000/s',
    ])
  })

  const positive = fc.double({ min: 1e-6, max: 1e12, noNaN: true })
  const whole = fc.integer({ min: 0, max: 1e12 })
  test.each([
    ['durations', units.duration, fc.oneof(positive, whole)],
    [
      'rates',
      units.rate,
      fc.oneof(
        positive,
        whole,
        whole.map((perDay) => perDay / 86_400),
      ),
    ],
    ['sizes', units.size, whole],
    ['money', units.money, whole.map((cents) => cents / 100)],
    ['percentages', units.percentage, fc.integer({ min: 0, max: 100_000 }).map((n) => n / 100_000)],
    ['factors', units.growth, positive],
    ['counts', units.count, whole],
  ])('%s that were printed are read back as the same number', (_name, unit, values) => {
    fc.assert(
      fc.property(values, (value) => {
        expect(unit.parse(unit.format(value)), unit.format(value)).toBe(value)
      }),
      { numRuns: 2000 },
    )
  })

  test('no text makes a parser throw or answer a negative number', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const unit of [
          units.duration,
          units.rate,
          units.size,
          units.money,
          units.percentage,
          units.growth,
          units.count,
        ]) {
          expect(unit.parse(text) ?? 0).toBeGreaterThanOrEqual(0)
        }
      }),
    )
  })
})
