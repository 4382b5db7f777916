import { formatError } from '../errors.ts'
import { integerText, isObject, isRawNumber } from './json.ts'

/** Readers of a request's fields. What does not fit is refused in the words of serde. */
export type Fields = Record<string, unknown>

export function object(value: unknown, expected = 'a map'): Fields {
  if (!isObject(value)) throw wrongType(value, expected)
  return value
}

export function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw wrongType(value, 'a sequence')
  return value
}

/** A field that must be there. */
export function required(fields: Fields, name: string): unknown {
  const value = fields[name]
  if (value === undefined) throw formatError(`missing field \`${name}\``)
  return value
}

export function text(value: unknown): string {
  if (typeof value !== 'string') throw wrongType(value, 'a string')
  return value
}

export function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrongType(value, 'a boolean')
  return value
}

export function float(value: unknown): number {
  if (isRawNumber(value)) return Number(value.rawJSON)
  if (typeof value !== 'number') throw wrongType(value, 'f32')
  return value
}

/** An unsigned whole number. */
export function unsigned(value: unknown, expected = 'usize'): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrongType(value, expected)
  if (value < 0) throw formatError(`invalid value: integer \`${value}\`, expected ${expected}`)
  return value
}

/** A peer's id: an unsigned 64-bit integer, kept as its digits since it may exceed 2^53. */
export function peerId(value: unknown): string {
  const digits = integerText(value)
  if (digits === null || digits.startsWith('-')) throw wrongType(value, 'u64')
  return digits
}

/** What an absent or null field becomes. */
export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value)
}

export function oneOf<const T extends string>(value: unknown, variants: readonly T[]): T {
  const word = text(value)
  const variant = variants.find((candidate) => candidate === word)
  if (variant === undefined) {
    const known = variants.map((candidate) => `\`${candidate}\``).join(', ')
    throw formatError(`unknown variant \`${word}\`, expected ${variants.length > 1 ? 'one of ' : ''}${known}`)
  }
  return variant
}

export function wrongType(value: unknown, expected: string): Error {
  return formatError(`invalid type: ${kindOf(value)}, expected ${expected}`)
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'sequence'
  if (typeof value === 'string') return `string ${JSON.stringify(value)}`
  if (typeof value === 'boolean') return `boolean \`${value}\``
  if (typeof value === 'number')
    return Number.isInteger(value) ? `integer \`${value}\`` : `floating point \`${value}\``
  return isRawNumber(value) ? `integer \`${value.rawJSON}\`` : 'map'
}
