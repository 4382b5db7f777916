import * as z from 'zod'
import { drainSchema, embedSchema, listenShape, wholeNumber } from '../config.ts'

const ttl = z
  .number()
  .positive()
  .nullable()
  .default(null)
  .describe('Milliseconds; null turns this cache off.')

/** What one gateway replica is told. Secrets come by the name of an environment variable only. */
export const gatewayConfigSchema = z.strictObject({
  ...listenShape,
  replica: wholeNumber(1).default(1),
  embed: embedSchema,
  vector: z.strictObject({ url: z.url(), collection: z.string(), apiKeyEnv: z.string().optional() }),
  rerank: z.strictObject({ url: z.url() }).nullable().default(null),
  generate: z.strictObject({
    url: z.url(),
    model: z.string(),
    apiKeyEnv: z.string().optional(),
    maxTokens: z.int().positive().default(128),
    patienceMs: z
      .number()
      .nonnegative()
      .default(2_000)
      .describe('What one request waits in all where it is refused with a Retry-After.'),
  }),
  topK: z.int().positive().default(5).describe('Passages that reach the prompt.'),
  candidates: z.int().positive().default(20).describe('Passages retrieved before reranking.'),
  maxInFlight: z.int().positive().default(512).describe('Queries served at once; one more is answered 429.'),
  timeouts: z
    .strictObject({
      embedMs: z.number().positive().default(2_000),
      retrieveMs: z.number().positive().default(2_000),
      rerankMs: z.number().positive().default(2_000),
      /** Until the first byte of the answer, and between two tokens. */
      generateIdleMs: z.number().positive().default(30_000),
      /** Of the whole query. */
      queryMs: z.number().positive().default(120_000),
    })
    .prefault({}),
  cache: z
    .strictObject({
      entries: z.int().positive().default(10_000).describe('Per cache, in each replica.'),
      embeddings: ttl,
      retrievals: ttl,
      answers: ttl,
    })
    .prefault({}),
  bucketsMs: z
    .array(z.number().positive())
    .default([])
    .describe(
      'Histograms of times count at these as well, in milliseconds: the limits that they are held to.',
    ),
  redisUrlEnv: z
    .string()
    .default('REDIS_URL')
    .describe('Where it is set, the caches are shared through Redis.'),
  redisPasswordEnv: z.string().default('REDIS_PASSWORD').describe('Where the URL holds none.'),
  drain: drainSchema.prefault({}),
})

export type GatewayConfig = z.output<typeof gatewayConfigSchema>
