import { formatError } from '../errors.ts'
import { jsonSyntaxError } from './json-syntax.ts'

/** A number kept as its digits: `JSON.stringify` prints it to the letter. */
export interface RawNumber {
  readonly rawJSON: string
}

export type Payload = Record<string, unknown>

interface JsonWithSource {
  rawJSON(text: string): RawNumber
  isRawJSON(value: unknown): value is RawNumber
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown
}

// Part of V8 since version 11.4; TypeScript's library does not know it yet.
const json = JSON as unknown as JsonWithSource

/** A number that `JSON.parse` would round, where a whole number may stand. */
const longInteger = /(?:^|[\s:[,])-?\d{16,}(?=[\s,\]}]|$)/

/** Parses JSON without rounding whole numbers beyond 2^53: these come as `RawNumber`. Throws `SyntaxError`. */
export function parseExact(text: string): unknown {
  if (!longInteger.test(text)) return JSON.parse(text)
  return json.parse(text, (_key, value, context) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    return context.source !== undefined && /^-?\d+$/.test(context.source)
      ? json.rawJSON(context.source)
      : value
  })
}

/** Parses a request's body; what is wrong with it is told in Qdrant's words. */
export function parseBody(text: string): unknown {
  try {
    return parseExact(text)
  } catch {
    throw formatError(jsonSyntaxError(text) ?? 'invalid JSON')
  }
}

export const rawNumber = (digits: string): RawNumber => json.rawJSON(digits)
export const isRawNumber = (value: unknown): value is RawNumber => json.isRawJSON(value)

/** The digits of a whole number, however large; null for anything else. */
export function integerText(value: unknown): string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : null
  return isRawNumber(value) ? value.rawJSON : null
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value)
}
