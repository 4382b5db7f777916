import { z } from 'zod'
import type { Emulation } from '../../stack/stack.ts'

const positive = z.number().positive()
const notNegative = z.number().nonnegative()
const count = z.int().positive()

const law = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['fixed', 'exponential']), meanMs: positive }),
  z.strictObject({ kind: z.literal('lognormal'), meanMs: positive, cv: notNegative }),
  z.strictObject({
    kind: z.literal('bimodal'),
    meanMs: positive,
    slowShare: z.number().min(0).max(1),
    slowFactor: positive,
  }),
])

/** The shape of `Emulation`. */
export const emulationSchema: z.ZodType<Emulation> = z.discriminatedUnion('model', [
  z.strictObject({
    model: z.literal('fifo'),
    law,
    servers: count,
    queueLimit: z.int().nonnegative().nullable(),
  }),
  z.strictObject({
    model: z.literal('batching'),
    overheadMs: notNegative,
    msPerToken: notNegative,
    maxBatchTokens: count,
    maxConcurrent: count,
    cv: notNegative,
  }),
  z.strictObject({
    model: z.literal('continuous'),
    stepMs: notNegative,
    msPerSequence: notNegative,
    prefillMs: notNegative,
    msPerPrefillToken: notNegative,
    maxSequences: count,
    maxBatchedTokens: count,
    kvTokens: count,
    cv: notNegative,
  }),
  z.strictObject({
    model: z.literal('search'),
    servers: count,
    baseMs: notNegative,
    msPerMillionPoints: notNegative,
    fanoutMs: notNegative,
    cv: notNegative,
  }),
])

/** What every emulated replica is told. */
export const replicaSchema = z.object({
  host: z.string().default('127.0.0.1'),
  /** 0: any that is free. */
  port: z.int().min(0).max(65_535).default(0),
  component: z.string(),
  emulation: emulationSchema,
  seed: z.int().default(1),
  /** Where to write what was drawn, one JSON object a line. */
  logFile: z.string().nullable().default(null),
})

/** Parses a service's configuration; throws with every fault in words. */
export function parseConfig<Schema extends z.ZodType>(
  service: string,
  schema: Schema,
  config: unknown,
): z.output<Schema> {
  const result = schema.safeParse(config)
  if (!result.success) throw new Error(`configuration of ${service}:\n${z.prettifyError(result.error)}`)
  return result.data
}
