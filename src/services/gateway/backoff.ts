/** How long to wait before an upstream is tried again. */
export interface Patience {
  /** Attempts after the first where the upstream says nothing of when to come back, and where it does. */
  readonly attempts: number
  readonly askedAttempts: number
  /** In all, for one request. */
  readonly waitMs: number
}

/**
 * Of servers of one's own: what is full passes the pressure on at once, since more gateways' waiting requests would
 * not empty it. For a provider's limit the configuration has more (`generate.patienceMs`).
 */
export const patienceOfOwn: Patience = { attempts: 2, askedAttempts: 5, waitMs: 2_000 }

const firstMs = 20
const mostMs = 500
/** Behind what was asked for, so that all who were told the same second do not come in it. */
const spread = 0.25

/**
 * Milliseconds before attempt `attempt` + 1; null for not at all. Without `Retry-After` half of a pause that doubles
 * from 20 ms to 500 ms, and up to as much again by chance; with it what was asked for, and up to a quarter more.
 */
export function delayBefore(about: {
  /** That failed, from 1. */
  readonly attempt: number
  readonly waitedMs: number
  readonly retryAfterMs: number | null
  readonly patience: Patience
  readonly random: () => number
}): number | null {
  const { attempt, waitedMs, retryAfterMs, patience, random } = about
  const asked = retryAfterMs !== null && retryAfterMs > 0
  if (attempt > (asked ? patience.askedAttempts : patience.attempts)) return null
  const pause = Math.min(mostMs, firstMs * 2 ** (attempt - 1))
  const ownMs = (pause / 2) * (1 + random())
  if (!asked) return ownMs
  // Asked for more than there is patience for, an attempt would only be refused again.
  if (waitedMs + retryAfterMs > patience.waitMs) return null
  return Math.max(ownMs, retryAfterMs * (1 + spread * random()))
}

/**
 * Milliseconds that a `Retry-After` asks for, in seconds or as a date, or a `retry-after-ms`, as OpenAI sends it
 * beside; null without a usable one.
 */
export function retryAfterMs(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  nowMs: number,
): number | null {
  const exact = numberIn(headers['retry-after-ms'])
  if (exact !== null) return exact
  const header = first(headers['retry-after']) ?? ''
  const seconds = numberIn(header)
  if (seconds !== null) return seconds * 1_000
  // An HTTP date is in GMT; Date.parse takes much else for a date.
  const date = header.endsWith(' GMT') ? Date.parse(header) : Number.NaN
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs)
}

function numberIn(header: string | string[] | undefined): number | null {
  const text = first(header)?.trim() ?? ''
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : null
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
