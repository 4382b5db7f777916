import * as z from 'zod'
import { collectionSchema, drainSchema, embedSchema, listenShape, wholeNumber } from '../config.ts'

/** Documents that wait in a Redis Stream. Where Redis is and its password come by the environment. */
export const queueSchema = z.strictObject({
  redisUrlEnv: z.string().default('REDIS_URL'),
  redisPasswordEnv: z.string().default('REDIS_PASSWORD').describe('Where the URL holds none.'),
  stream: z.string().min(1).default('ragscale:documents'),
  group: z.string().min(1).default('workers').describe('All workers that share the stream are of one.'),
  concurrency: z
    .int()
    .positive()
    .default(4)
    .describe('Documents of the queue that this worker writes at once, and holds in memory.'),
  maxTries: z.int().positive().default(5).describe('Then a document goes to the dead letters.'),
  idleMs: z
    .int()
    .positive()
    .default(60_000)
    .describe('A document of which nothing was heard for so long is taken over, or tried again.'),
  maxLength: z
    .int()
    .positive()
    .default(100_000)
    .describe('Documents that may wait; one more is answered 429.'),
  maxDeadLetters: z.int().positive().default(10_000).describe('About so many are kept, the newest.'),
})

export type QueueConfig = z.output<typeof queueSchema>

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
    .describe('Documents written at once while their senders wait; one more is answered 429.'),
  queue: queueSchema.nullable().default(null),
  drain: drainSchema.prefault({}),
})
