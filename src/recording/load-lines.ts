/**
 * The lines that k6 writes to stdout and to `load.ndjson` (docs/architecture.md, "What k6 writes").
 * `load/` follows them live, `recording/` turns them into steps.
 */
import { z } from 'zod'

const count = z.number().int().nonnegative()
const amount = z.number().nonnegative()
/** Failures by their label: `timeout`, `shed`, `http_429` … */
const errors = z.record(z.string(), count)
/** Milliseconds; of one second's successes, or null when there were none. */
const quantiles = z.object({ p50: amount, p95: amount, p99: amount }).nullable()

export const startLine = z.object({
  type: z.literal('start'),
  schema: z.literal('ragscale.load/1'),
  at: z.number(),
  k6: z.string(),
  stage: z.string(),
})

/** What happened in one second: counts of that second, CPU seconds since the generator's start. */
export const intervalLine = z.object({
  type: z.literal('interval'),
  at: z.number(),
  step: z.string(),
  stage: z.string(),
  phase: z.enum(['warmup', 'window', 'drain']),
  elapsedMs: amount,
  /** The rate that the plan asks for at this instant, a second. */
  rate: amount,
  scheduled: count,
  sent: count,
  succeeded: count,
  failed: count,
  inFlight: count,
  errors: errors.default({}),
  latency: quantiles.default(null),
  ttft: quantiles.default(null),
  cpuSeconds: amount,
  rssBytes: amount,
})

/**
 * The totals of one step's window. `scheduled = sent + shed`, `sent = succeeded + failed − shed`, and
 * `failed` includes `shed`: every scheduled arrival ends as exactly one of succeeded or failed.
 */
export const stepLine = z.object({
  type: z.literal('step'),
  step: z.string(),
  stage: z.string(),
  fromRate: amount,
  toRate: amount,
  startedAt: z.number(),
  windowStartedAt: z.number(),
  /** How long arrivals were scheduled for: the plan's window, or less when the step was stopped early. */
  windowMs: amount,
  drainedMs: amount.default(0),
  scheduled: count,
  sent: count,
  succeeded: count,
  failed: count,
  shed: count,
  /** Of the failed: those that the drain limit cut off. */
  cut: count.default(0),
  errors: errors.default({}),
  /** Requests that met every limit of the plan's `good`. */
  good: count,
  saturated: z.boolean(),
  /** How long requests in flight stood at `maxInFlight`. */
  limitReachedMs: amount.default(0),
  maxInFlightSeen: count.default(0),
  /** Why the step ended before its window did, or null. */
  stopped: z.string().nullable().default(null),
  recall: z.object({ sum: amount, count }).default({ sum: 0, count: 0 }),
  inputTokens: count.default(0),
  cachedTokens: count.default(0),
  outputTokens: count.default(0),
  chunks: count.default(0),
  /** Answers whose server gave no `usage`, so that their tokens are not known. */
  unmeasuredTokens: count.default(0),
  cache: z.record(z.string(), z.object({ hit: count.default(0), miss: count.default(0) })).default({}),
  connections: z.object({ new: count, reused: count }).default({ new: 0, reused: 0 }),
  /** Of the generator, in this step's window. */
  cpuSeconds: amount,
  rssBytes: amount,
})

export const endLine = z.object({
  type: z.literal('end'),
  at: z.number(),
  /** `stopped`: by the plan's `stopWhen`; `failed`: something broke, and k6's log says what. */
  reason: z.enum(['finished', 'interrupted', 'stopped', 'failed']),
})

export const loadLine = z.discriminatedUnion('type', [startLine, intervalLine, stepLine, endLine])

export type StartLine = z.output<typeof startLine>
export type IntervalLine = z.output<typeof intervalLine>
export type StepLine = z.output<typeof stepLine>
export type EndLine = z.output<typeof endLine>
export type LoadLine = z.output<typeof loadLine>

/**
 * One line of k6's output as a document of the contract; null when it is something else (k6 itself may
 * print to stdout, and a killed process leaves half a line).
 */
export function parseLoadLine(line: string): LoadLine | null {
  if (!line.startsWith('{')) return null
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    return null
  }
  const parsed = loadLine.safeParse(json)
  return parsed.success ? parsed.data : null
}
