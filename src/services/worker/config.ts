import * as z from 'zod'

/** What one ingest worker is told. Secrets come by the name of an environment variable only. */
export const workerConfigSchema = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(0),
  replica: z.int().positive().default(1),
  embed: z.strictObject({
    url: z.url(),
    protocol: z.enum(['tei', 'openai']).default('tei'),
    model: z.string().optional(),
    apiKeyEnv: z.string().optional(),
  }),
  vector: z.strictObject({ url: z.url(), apiKeyEnv: z.string().optional() }),
  collection: z.strictObject({
    name: z.string(),
    dimensions: z.int().positive(),
    distance: z.enum(['Cosine', 'Dot', 'Euclid', 'Manhattan']),
    points: z.number().nonnegative(),
    shards: z.int().positive(),
    replication: z.int().positive(),
    quantization: z.enum(['none', 'scalar', 'product', 'binary']),
  }),
  maxInFlight: z
    .int()
    .positive()
    .default(32)
    .describe('Documents written at once; one more is answered 429.'),
})
