import { z } from 'zod'
import type { Emulation } from '../../stack/stack.ts'
import { listenShape } from '../config.ts'
import { hashText } from './hash.ts'

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
  ...listenShape,
  component: z.string(),
  emulation: emulationSchema,
  /** No two replicas may draw the same: a text, such as `"1 ${HOSTNAME}"`, is a seed by its hash. */
  seed: z.union([z.int(), z.string().transform((text) => hashText(text))]).default(1),
  /** Where to write what was drawn, one JSON object a line. */
  logFile: z.string().nullable().default(null),
})
