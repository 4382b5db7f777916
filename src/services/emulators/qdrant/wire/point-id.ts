import { formatError } from '../errors.ts'
import { isRawNumber, rawNumber } from './json.ts'

/** An unsigned 64-bit integer (a bigint only beyond 2^53), or a UUID in its canonical form. */
export type PointId = number | bigint | string

const largest = 2n ** 64n - 1n
const hyphenated = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A point's id from a JSON value. */
export function pointIdOf(value: unknown): PointId {
  const id =
    typeof value === 'number'
      ? Number.isSafeInteger(value) && value >= 0
        ? value
        : null
      : isRawNumber(value)
        ? unsigned(value.rawJSON)
        : typeof value === 'string'
          ? uuidOf(value)
          : null
  if (id === null) {
    throw formatError(
      `value ${shown(value)} is not a valid point ID, valid values are either an unsigned integer or a UUID`,
    )
  }
  return id
}

/** A point's id from a path or from a log; null when it is none. */
export function pointIdFromText(text: string): PointId | null {
  return /^\d+$/.test(text) ? unsigned(text) : uuidOf(text)
}

/** As a member of a JSON document. */
export function pointIdJson(id: PointId): unknown {
  return typeof id === 'bigint' ? rawNumber(id.toString()) : id
}

/** As JSON text. */
export function pointIdText(id: PointId): string {
  return typeof id === 'string' ? `"${id}"` : id.toString()
}

/** Qdrant's order: numbers first, then UUIDs. */
export function comparePointIds(a: PointId, b: PointId): number {
  const aIsUuid = typeof a === 'string'
  const bIsUuid = typeof b === 'string'
  if (aIsUuid !== bIsUuid) return aIsUuid ? 1 : -1
  return a < b ? -1 : a > b ? 1 : 0
}

function unsigned(digits: string): PointId | null {
  const value = BigInt(digits)
  if (value < 0n || value > largest) return null
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}

/** UUIDs are read with hyphens, without, in braces, or as a URN. */
function uuidOf(text: string): string | null {
  let bare = text.toLowerCase()
  if (hyphenated.test(bare)) return bare
  if (bare.startsWith('urn:uuid:')) bare = bare.slice(9)
  else if (bare.startsWith('{') && bare.endsWith('}')) bare = bare.slice(1, -1)
  if (hyphenated.test(bare)) return bare
  if (!/^[0-9a-f]{32}$/.test(bare)) return null
  return [bare.slice(0, 8), bare.slice(8, 12), bare.slice(12, 16), bare.slice(16, 20), bare.slice(20)].join(
    '-',
  )
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value) ?? 'null'
}
