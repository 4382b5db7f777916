/**
 * What one k6 process is told to do (docs/architecture.md, "The load plan"): written as JSON to the file that
 * `RAGSCALE_PLAN` names. Durations are milliseconds, rates are arrivals a second.
 */
import { z } from 'zod'

/** The stages that k6 loads; `ingest` is measured by ingesting. */
export const loadStages = ['embed', 'retrieve', 'rerank', 'generate', 'pipeline'] as const
export type LoadStage = (typeof loadStages)[number]

const ms = z.number().finite().nonnegative()
const rate = z.number().finite().positive()

export const stepSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]+$/),
  /** The rate at the beginning and at the end of the window; between them it changes linearly. */
  fromRate: rate,
  toRate: rate,
  warmupMs: ms,
  windowMs: ms.positive(),
  drainMs: ms,
})

export const arrivalsSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['poisson', 'constant']) }),
  z.strictObject({ kind: z.literal('gamma'), burstiness: z.number().positive() }),
  z.strictObject({ kind: z.literal('trace'), offsetsMs: z.array(ms).min(1) }),
])

export const stopWhenSchema = z.strictObject({
  /** Stop when this share of requests failed, once there are `minRequests`. */
  failedShare: z.number().positive().max(1).nullable(),
  minRequests: z.number().int().positive().nullable(),
  /** Stop after this many saturated steps. */
  saturatedSteps: z.number().int().positive().nullable(),
})

export const targetSchema = z.strictObject({
  urls: z.array(z.url()).min(1),
  protocol: z.enum(['tei', 'openai', 'qdrant', 'http', 'ragscale']),
  model: z.string().exactOptional(),
  collection: z.string().exactOptional(),
  topK: z.number().int().positive().exactOptional(),
  outputTokens: z.number().int().positive().exactOptional(),
  /** Protocol `http`: the request, with `{{query}}` where the query's JSON text goes. */
  body: z.string().exactOptional(),
  /** Protocol `http`: where the answer is, for example `$.answer`. */
  answer: z.string().exactOptional(),
  apiKeyEnv: z.string().exactOptional(),
  headersEnv: z.record(z.string(), z.string()).exactOptional(),
  caFile: z.string().exactOptional(),
  certFile: z.string().exactOptional(),
  keyFile: z.string().exactOptional(),
  /** Every request asks a text never asked before; of no effect on `retrieve`, which sends vectors. */
  unique: z.boolean().exactOptional(),
  stream: z.boolean().exactOptional(),
})

export const loadPlanSchema = z.strictObject({
  schema: z.literal('ragscale.load/1'),
  stage: z.enum(loadStages),
  seed: z.number().int().nonnegative(),
  arrivals: arrivalsSchema,
  steps: z.array(stepSchema).min(1),
  maxInFlight: z.number().int().positive(),
  timeoutMs: ms.positive(),
  stopWhen: stopWhenSchema,
  /** Metric → what one request may take, in ms, to count as good. */
  good: z.record(z.string(), ms),
  queries: z.strictObject({ count: z.number().int().positive(), zipf: z.number().nonnegative().nullable() }),
  target: targetSchema,
  queriesFile: z.string(),
})

export type Step = z.output<typeof stepSchema>
export type PlanArrivals = z.output<typeof arrivalsSchema>
export type StopWhen = z.output<typeof stopWhenSchema>
export type LoadTarget = z.output<typeof targetSchema>
export type LoadPlan = z.output<typeof loadPlanSchema>

/** Everything of a plan that the scenario decides; the rest is where to and with which queries. */
export type ScenarioPlan = Omit<LoadPlan, 'schema' | 'queries' | 'target' | 'queriesFile'>

/** What a scenario asks of its target at most: arrivals with the warm-ups, and the highest rate. */
export function extentOf(plan: Pick<ScenarioPlan, 'steps' | 'arrivals'>): {
  requests: number
  peakRate: number
  seconds: number
} {
  const { steps, arrivals } = plan
  const expected = steps.reduce(
    (sum, step) =>
      sum + (step.fromRate * step.warmupMs + ((step.fromRate + step.toRate) / 2) * step.windowMs) / 1000,
    0,
  )
  return {
    requests: arrivals.kind === 'trace' ? arrivals.offsetsMs.length : Math.ceil(expected),
    peakRate: Math.max(...steps.flatMap((step) => [step.fromRate, step.toRate])),
    seconds: steps.reduce((sum, step) => sum + step.warmupMs + step.windowMs, 0) / 1000,
  }
}
