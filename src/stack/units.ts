/**
 * Quantities as people write them: `2s`, `20/s`, `512MiB`, `20000/month`, `0.1%`, `2x`, `1_000_000`.
 * They are parsed once, at the edge (`ragscale.yaml` and flags), into plain numbers in the unit that the
 * parser names; what `format` prints parses back to the same number.
 */
import { ExitCode, UserError } from '../errors.ts'

export interface Unit {
  /** With its article, for a sentence: `a duration`. */
  readonly name: string
  /** A few that are right, for the same sentence: `500ms, 2s, 10m or 1h`. */
  readonly examples: string
  /** What a bare number probably lacks. */
  readonly suffix: string
  /** Null when the text is not one. */
  readonly parse: (text: string) => number | null
  readonly format: (value: number) => string
}

const number = String.raw`(\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?)`

const perMs: Readonly<Record<string, number>> = {
  us: 0.001,
  µs: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Milliseconds. Parts may follow each other, largest first: `1m30s`. */
export const duration: Unit = {
  name: 'a duration',
  examples: '500ms, 2s, 10m, 1h or 1d',
  suffix: 's',
  parse(text) {
    const parts = [...text.trim().matchAll(new RegExp(String.raw`${number} ?(us|µs|ms|min|s|m|h|d)`, 'gy'))]
    if (parts.length === 0 || parts.reduce((sum, part) => sum + part[0].length, 0) !== text.trim().length) {
      return null
    }
    let total = 0
    let previous = Number.POSITIVE_INFINITY
    for (const [, digits, unit] of parts) {
      const size = perMs[unit ?? ''] ?? 0
      if (size >= previous) return null
      previous = size
      total += times(digits, size)
    }
    return total
  },
  format(ms) {
    const candidates = ['d', 'h', 'm', 's'].map((unit) => [ms / (perMs[unit] ?? 1), unit] as const)
    return shortest(duration, ms, candidates, `${ms}ms`)
  },
}

const multiples: Readonly<Record<string, number>> = { '': 1, k: 1e3, K: 1e3, M: 1e6, B: 1e9, G: 1e9 }

const seconds: Readonly<Record<string, number>> = {
  s: 1,
  sec: 1,
  second: 1,
  m: 60,
  min: 60,
  minute: 60,
  h: 3600,
  hour: 3600,
  d: 86_400,
  day: 86_400,
}

/** A second. */
export const rate: Unit = {
  name: 'a rate',
  examples: '20/s, 1200/m or 1M/day',
  suffix: '/s',
  parse(text) {
    const match = new RegExp(String.raw`^${number} ?([kKMBG]?) ?/ ?([a-z]+)$`).exec(text.trim())
    const size = seconds[match?.[3] ?? '']
    if (match === null || size === undefined) return null
    return times(match[1], multiples[match[2] ?? ''] ?? 1) / size
  },
  format(perSecond) {
    const per = (unit: string) => round(perSecond * (seconds[unit] ?? 1))
    const candidates = [
      [per('s'), '/s'],
      [per('m'), '/m'],
      [per('h'), '/h'],
      [per('day') / 1e6, 'M/day'],
      [per('day'), '/day'],
    ] as const
    return shortest(rate, perSecond, candidates, `${perSecond}/s`, 0.1)
  },
}

const bytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
}

/** Bytes, whole. */
export const size: Unit = {
  name: 'a size',
  examples: '512MiB or 2GB',
  suffix: 'MiB',
  parse(text) {
    const match = new RegExp(String.raw`^${number} ?([kKMGT]?i?B)$`).exec(text.trim())
    const unit = bytes[match?.[2] ?? '']
    return match === null || unit === undefined ? null : Math.round(times(match[1], unit))
  },
  format(value) {
    const candidates = ['TiB', 'TB', 'GiB', 'GB', 'MiB', 'MB', 'KiB', 'kB'].map(
      (unit) => [value / (bytes[unit] ?? 1), unit] as const,
    )
    return shortest(size, value, candidates, `${value}B`)
  },
}

const hoursPerMonth = 730
const perMonth: Readonly<Record<string, number>> = {
  h: hoursPerMonth,
  hour: hoursPerMonth,
  d: hoursPerMonth / 24,
  day: hoursPerMonth / 24,
  month: 1,
  mo: 1,
  year: 1 / 12,
  y: 1 / 12,
}

/** USD a month of 730 hours. */
export const money: Unit = {
  name: 'an amount of money over time',
  examples: '20000/month or 4.02/h',
  suffix: '/month',
  parse(text) {
    const match = new RegExp(String.raw`^\$?${number}([kM]?) ?(?:USD)? ?/ ?([a-z]+)$`).exec(text.trim())
    const unit = perMonth[match?.[3] ?? '']
    if (match === null || unit === undefined) return null
    return round(times(match[1], multiples[match[2] ?? ''] ?? 1) * unit)
  },
  format: (usd) => `${usd}/month`,
}

/** A ratio: `0.1%` is 0.001. */
export const percentage: Unit = {
  name: 'a percentage',
  examples: '0.1% or 5%',
  suffix: '%',
  parse(text) {
    const match = new RegExp(String.raw`^${number} ?%$`).exec(text.trim())
    return match === null ? null : round(digitsOf(match[1]) / 100)
  },
  format: (ratio) => `${round(ratio * 100)}%`,
}

/** A factor. */
export const growth: Unit = {
  name: 'a factor',
  examples: '2x or 1.5x',
  suffix: 'x',
  parse(text) {
    const match = new RegExp(String.raw`^${number} ?[x×]$`).exec(text.trim())
    return match === null ? null : digitsOf(match[1])
  },
  format: (factor) => `${factor}x`,
}

/** A whole number. */
export const count: Unit = {
  name: 'a whole number',
  examples: '4, 1_000_000 or 1M',
  suffix: '',
  parse(text) {
    const match = new RegExp(String.raw`^${number} ?([kKMBG]?)$`).exec(text.trim())
    if (match === null) return null
    const value = times(match[1], multiples[match[2] ?? ''] ?? 1)
    return Number.isSafeInteger(value) ? value : null
  },
  format: (value) => String(value).replaceAll(/\B(?=(\d{3})+$)/g, '_'),
}

/** Throws a UserError (exit 2) that names what was expected; `where` is the flag or key it was written at. */
function parseUnit(unit: Unit, text: string, where?: string): number {
  const value = unit.parse(text)
  if (value !== null && Number.isFinite(value)) return value
  const at = where === undefined ? '' : `${where}: `
  throw new UserError(`${at}${expected(unit, text)}`, { exitCode: ExitCode.usage, code: 'usage' })
}

/** `expected a rate such as 20/s, 1200/m or 1M/day, got "50": did you mean 50/s?` */
export function expected(unit: Unit, got: unknown): string {
  const meant = `${String(got)}${unit.suffix}`
  const guess = unit.suffix !== '' && /^[\d_.]+$/.test(String(got)) && unit.parse(meant) !== null
  return `expected ${unit.name} such as ${unit.examples}, got ${show(got)}${guess ? `: did you mean ${meant}?` : ''}`
}

/** Milliseconds; throws a UserError (exit 2). */
export const parseDuration = (text: string, where?: string): number => parseUnit(duration, text, where)
/** A second; throws a UserError (exit 2). */
export const parseRate = (text: string, where?: string): number => parseUnit(rate, text, where)
/** A ratio; throws a UserError (exit 2). */
export const parsePercentage = (text: string, where?: string): number => parseUnit(percentage, text, where)
/** A factor; throws a UserError (exit 2). */
export const parseGrowth = (text: string, where?: string): number => parseUnit(growth, text, where)
/** A whole number; throws a UserError (exit 2). */
export const parseCount = (text: string, where?: string): number => parseUnit(count, text, where)

export const formatDuration = duration.format
export const formatRate = rate.format
export const formatSize = size.format

/** What was written, for the end of a sentence. */
export function show(got: unknown): string {
  if (got === null) return 'nothing'
  if (typeof got === 'number') return String(got)
  if (typeof got === 'object') return Array.isArray(got) ? 'a list' : 'a map'
  return JSON.stringify(got)
}

function digitsOf(text: string | undefined): number {
  return Number((text ?? '').replaceAll('_', ''))
}

function times(digits: string | undefined, unit: number): number {
  return unit === 1 ? digitsOf(digits) : round(digitsOf(digits) * unit)
}

/** Takes off what binary multiplication adds behind the fifteenth digit: 4.35 · 100 is 435. */
function round(value: number): number {
  return Number(value.toPrecision(15))
}

/** The first candidate with few digits that parses back to exactly `value`. */
function shortest(
  unit: Unit,
  value: number,
  candidates: readonly (readonly [number, string])[],
  otherwise: string,
  least = 1,
): string {
  for (const [scaled, suffix] of candidates) {
    if (scaled < least) continue
    const text = String(round(scaled))
    if (/^\d+(\.\d{1,3})?$/.test(text) && unit.parse(text + suffix) === value) return text + suffix
  }
  return otherwise
}
