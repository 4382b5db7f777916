/** The kinds of value that `ragscale.yaml` holds: each a zod schema that reads text with its unit and holds it within bounds. */
import { z } from 'zod'
import { type Unit, count, duration, expected, money, percentage, rate, show, size } from '../units.ts'

interface Bounds {
  readonly min: number
  readonly max: number
}

const bounds = {
  duration: { min: 0.001, max: 30 * 86_400_000 },
  rate: { min: 1 / 86_400, max: 1_000_000 },
  money: { min: 0, max: 1e9 },
  percentage: { min: 0, max: 1 },
  size: { min: 1024 ** 2, max: 1024 ** 5 },
} satisfies Record<string, Bounds>

/** Milliseconds. */
export const durationField = (range: Bounds = bounds.duration) => quantity(duration, range)
/** A second. */
export const rateField = () => quantity(rate, bounds.rate)
/** USD a month. */
export const moneyField = () => quantity(money, bounds.money)
/** Bytes. */
export const sizeField = () => quantity(size, bounds.size)
/** A ratio from 0 to 1. */
export const percentageField = () => quantity(percentage, bounds.percentage)

/** Whole numbers: `3`, `1_000_000` (which YAML 1.2 reads as text) or `1M`. */
export function countField(min: number, max: number) {
  const message = (got: unknown) =>
    `expected a whole number from ${count.format(min)} to ${count.format(max)}, got ${show(got)}`
  const wrong = {
    error: (issue: { input?: unknown }) => (issue.input === undefined ? undefined : message(issue.input)),
  }
  return z
    .union([z.int(wrong).min(min, wrong).max(max, wrong), z.string()], wrong)
    .transform((input, context) => {
      const value = typeof input === 'number' ? input : count.parse(input)
      if (value !== null && value >= min && value <= max) return value
      context.issues.push({ code: 'custom', input, message: message(input) })
      return z.NEVER
    })
}

/** Plain numbers without a unit. */
export function numberField(min: number, max: number) {
  const message = (got: unknown) => `expected a number from ${min} to ${max}, got ${show(got)}`
  return z
    .number({ error: (issue) => (issue.input === undefined ? undefined : message(issue.input)) })
    .min(min, { error: (issue) => message(issue.input) })
    .max(max, { error: (issue) => message(issue.input) })
}

/** Text that is not empty. A number or `true` is not text: YAML's quotes decide. */
export function textField(
  what = 'text',
  pattern?: { readonly like: RegExp; readonly says: (got: string) => string },
) {
  const schema = z
    .string({
      error: (issue) =>
        issue.input === undefined ? undefined : `expected ${what}, got ${show(issue.input)}`,
    })
    .min(1, { error: `expected ${what}, got nothing` })
  return pattern === undefined
    ? schema
    : schema.regex(pattern.like, { error: (issue) => pattern.says(show(issue.input)) })
}

/** The name of an environment variable, in place of a secret. */
export const variableField = () =>
  textField('the name of an environment variable', {
    like: /^[A-Za-z_][A-Za-z0-9_]*$/,
    // What was written may be the secret itself, so it is not repeated.
    says: () => 'expected the name of an environment variable, such as QDRANT_API_KEY, not the secret itself',
  })

export const urlField = () =>
  textField('a URL').refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), {
    error: 'expected a URL that begins with http:// or https://',
  })

/** A container image: `[host[:port]/]path[:tag][@digest]`, as the OCI distribution specification has it. */
export const imageField = () =>
  textField('a container image', {
    like: /^(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/,
    says: (got) => `expected a container image such as registry.example/name:tag, got ${got}`,
  })

function quantity(unit: Unit, range: Bounds) {
  return z
    .string({ error: (issue) => (issue.input === undefined ? undefined : expected(unit, issue.input)) })
    .meta({ examples: unit.examples.split(/, | or /) })
    .transform((input, context) => {
      const value = unit.parse(input)
      if (value !== null && value >= range.min && value <= range.max) return value
      const message =
        value === null
          ? expected(unit, input)
          : `expected ${unit.name} from ${unit.format(range.min)} to ${unit.format(range.max)}, got ${show(input)}`
      context.issues.push({ code: 'custom', input, message })
      return z.NEVER
    })
}
