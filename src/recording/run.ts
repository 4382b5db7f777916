/**
 * `runs/<id>/run.json`: what one load test found (docs: "What a run holds"). The names are a contract with
 * scripts; what this file reads of an older version it migrates, a newer one it refuses.
 */
import { z } from 'zod'
import { ExitCode, UserError } from '../errors.ts'
import { environment } from './environment.ts'
import { metricSummary } from './metrics.ts'
import { recordedStack } from './recorded-stack.ts'
import { tierUse } from './resources.ts'

export const runSchemaVersion = 'ragscale.run/1'

const count = z.number().int().nonnegative()
const amount = z.number().nonnegative()
const isoTime = z.iso.datetime()

export const sloResult = z.object({
  /** `<stage>.<metric>.<percentile>`, or `<stage>.errors`. */
  on: z.string(),
  unit: z.enum(['ms', 'ratio']),
  limit: amount,
  /** Null when it is infinite, because too many requests failed, or when nothing was measured. */
  actual: amount.nullable(),
  step: z.string().nullable(),
  ok: z.boolean(),
  /** In words, where `actual` does not say it. */
  because: z.string().nullable(),
})

export const runStep = z.object({
  id: z.string(),
  stage: z.string(),
  /** Rates a second over the step's window: scheduled, sent, succeeded. */
  offered: amount,
  achieved: amount,
  completed: amount,
  /** What the plan asked for; the two differ in a ramp. */
  fromRate: amount,
  toRate: amount,
  seconds: amount,
  startedAt: isoTime,
  windowStartedAt: isoTime,
  /** Whether the measurement may be believed, and if not, why, in words. */
  valid: z.boolean(),
  invalidBecause: z.array(z.string()),
  /** The system could not keep up; the measurement of that is good. */
  saturated: z.boolean(),
  /** Why the step ended before its time, or null. */
  stopped: z.string().nullable(),
  /** Sent. `scheduled` = `requests` + `shed` = `succeeded` + `failed`. */
  requests: count,
  scheduled: count,
  succeeded: count,
  failed: count,
  shed: count,
  /** Failures by label, `shed` among them. */
  errors: z.record(z.string(), count),
  /** Requests that met every limit, a second. */
  goodput: amount,
  /** Mean recall@k of the answers that could be judged, 0 … 1, or null. */
  recallAtK: amount.max(1).nullable(),
  /** Of successes, but for `schedule_delay`, which is of everything sent. */
  metrics: z.record(z.string(), metricSummary),
  /** Every SLO of the stage against this step; empty without SLOs. */
  slo: z.array(sloResult),
  tiers: z.record(z.string(), tierUse),
  /** Of the generator, during the window. */
  generatorCpuCores: amount,
  /** Share of the host's CPU that was busy or stolen, 0 … 1. */
  hostCpu: amount.nullable(),
  tokens: z.object({ input: count, cached: count, output: count, chunks: count, unmeasured: count }),
  /** Hits and misses by cache. */
  cache: z.record(z.string(), z.object({ hit: count, miss: count })),
  connections: z.object({ new: count, reused: count }),
})

export const verdicts = ['pass', 'fail', 'invalid', 'interrupted'] as const

export const generatorUse = z.object({
  k6: z.string(),
  /** Mean over the steps; what it may use is beside it. */
  cpuCores: amount,
  cpuCoresAvailable: amount,
  /** The most that was seen. */
  rssBytes: amount,
  scheduleDelayMs: z.object({ p50: amount.nullable(), p99: amount.nullable() }),
})

/** What is known when a run begins; the rest is measured. */
export const runFacts = z.object({
  id: z.string(),
  startedAt: isoTime,
  target: z.string(),
  /** Whether any tier was an emulator: a rehearsal, not a measurement of the real component. */
  emulated: z.boolean(),
  stack: recordedStack,
  environment,
  scenario: z.string(),
  stages: z.array(z.string()).min(1),
  /** As on the command line: `poisson`, `gamma:2` … */
  arrivals: z.string(),
  seed: z.number().int(),
  cache: z.enum(['cold', 'warm', 'off']),
  cpuCoresAvailable: amount,
})

export const run = z.object({
  schema: z.literal(runSchemaVersion),
  ...runFacts.omit({ cpuCoresAvailable: true }).shape,
  endedAt: isoTime,
  generator: generatorUse,
  steps: z.array(runStep),
  slo: z.array(sloResult),
  verdict: z.enum(verdicts),
  /** Why, in sentences; empty for a plain pass. */
  verdictBecause: z.array(z.string()),
})

export type Run = z.output<typeof run>
export type RunFacts = z.output<typeof runFacts>
export type RunStep = z.output<typeof runStep>
export type SloResult = z.output<typeof sloResult>
export type Verdict = (typeof verdicts)[number]

type Migration = (older: Record<string, unknown>) => Record<string, unknown>

/** From each older version to the next one; there is none before `ragscale.run/1`. */
const migrations: Readonly<Record<number, Migration>> = {}
const currentVersion = 1

/**
 * A parsed `run.json` as a run, migrated when it is of an older version.
 * @param from the file's name, for messages
 * @throws {UserError} exit 2: not a run, damaged, or written by a newer ragscale
 */
export function parseRun(json: unknown, from: string): Run {
  const refuse = (message: string, hint?: string): UserError =>
    new UserError(`${from} ${message}`, {
      exitCode: ExitCode.usage,
      code: 'run-unreadable',
      ...(hint === undefined ? {} : { hint }),
    })
  if (typeof json !== 'object' || json === null) throw refuse('is not a run')
  let document = json as Record<string, unknown>
  const version = /^ragscale\.run\/(\d+)$/.exec(String(document['schema']))?.[1]
  if (version === undefined) throw refuse(`is not a run: its schema is ${JSON.stringify(document['schema'])}`)
  if (Number(version) > currentVersion) {
    throw refuse(
      `was written by a newer ragscale: it is of schema ragscale.run/${version}, this one knows up to ${runSchemaVersion}`,
      'Upgrade ragscale.',
    )
  }
  for (let at = Number(version); at < currentVersion; at++) {
    const migrate = migrations[at]
    if (migrate === undefined) throw refuse(`is of schema ragscale.run/${version}, which was never released`)
    document = migrate(document)
  }
  const parsed = run.safeParse(document)
  if (!parsed.success) throw refuse(`is damaged:\n${z.prettifyError(parsed.error)}`)
  return parsed.data
}
