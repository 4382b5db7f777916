import { formatError } from '../errors.ts'
import { object, wrongType } from '../wire/fields.ts'
import { isRawNumber } from '../wire/json.ts'
import type { ValueTest } from './match.ts'

const bounds = {
  gt: (value: number, bound: number) => value > bound,
  gte: (value: number, bound: number) => value >= bound,
  lt: (value: number, bound: number) => value < bound,
  lte: (value: number, bound: number) => value <= bound,
} as const

/** The test of one value that a `range` clause asks for: of numbers, or of dates when its bounds are texts. */
export function compileRange(clause: unknown): ValueTest {
  const fields = object(clause)
  const tests: ((value: number) => boolean)[] = []
  let dates = false
  for (const [name, bound] of Object.entries(fields)) {
    if (bound === null) continue
    if (!(name in bounds)) throw formatError('data did not match any variant of untagged enum RangeInterface')
    const compare = bounds[name as keyof typeof bounds]
    dates ||= typeof bound === 'string'
    const limit = comparableNumber(bound, dates)
    if (limit === null) throw wrongType(bound, dates ? 'a date' : 'f64')
    tests.push((value) => compare(value, limit))
  }
  return (value) => {
    const number = comparableNumber(value, dates)
    return number !== null && tests.every((test) => test(number))
  }
}

/** A number, or a date as milliseconds since 1970; null for anything else. */
export function comparableNumber(value: unknown, dates: boolean): number | null {
  if (dates) {
    const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
    return Number.isNaN(time) ? null : time
  }
  if (isRawNumber(value)) return Number(value.rawJSON)
  return typeof value === 'number' ? value : null
}
