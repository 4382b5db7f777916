import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quantity } from '../../../../src/targets/kubernetes/quantity.ts'

test.for<[string | number, number]>([
  ['500m', 0.5],
  ['100m', 0.1],
  ['2', 2],
  ['16Gi', 16 * 2 ** 30],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['1k', 1000],
  ['1e3', 1000],
  ['250000n', 0.00025],
  [4, 4],
])('%s is %d', ([text, value]) => {
  expect(quantity(text)).toBe(value)
})

test.for(['', 'many', '1Zi', '1 Gi', '--1'])('%j is no quantity', (text) => {
  expect(() => quantity(text)).toThrow('no quantity')
})

test('a thousandth of a thousandfold is the same again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000 }), (cores) => {
      expect(quantity(`${cores * 1000}m`)).toBe(cores)
      expect(quantity(`${cores}k`)).toBe(quantity(`${cores * 1000}`))
    }),
  )
})
