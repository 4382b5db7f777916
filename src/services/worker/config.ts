import * as z from 'zod'
import { collectionSchema, drainSchema, embedSchema, listenShape, wholeNumber } from '../config.ts'

/** What one ingest worker is told. Secrets come by the name of an environment variable only. */
export const workerConfigSchema = z.strictObject({
  ...listenShape,
  replica: wholeNumber(1).default(1),
  embed: embedSchema,
  vector: z.strictObject({ url: z.url(), apiKeyEnv: z.string().optional() }),
  collection: collectionSchema,
  maxInFlight: z
    .int()
    .positive()
    .default(32)
    .describe('Documents written at once; one more is answered 429.'),
  drain: drainSchema.prefault({}),
})
