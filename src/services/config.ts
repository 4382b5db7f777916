/** Shapes that the configurations of our services share. */
import * as z from 'zod'

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

/** A whole number, or its digits in a string: what `"${PORT}"` in a configuration file becomes. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER) {
  const number = z.int().min(least).max(most)
  return z.union([number, z.string().regex(/^\d+$/).transform(Number).pipe(number)], {
    error: `expected a whole number from ${least}${most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`}`,
  })
}

/** Where a server listens. In a container the host is 0.0.0.0; port 0 is any that is free. */
export const listenShape = {
  host: z.string().default('127.0.0.1'),
  port: wholeNumber(0, 65_535).default(0),
}

/** How a server stops when it is signalled; a parent that forked it says `graceMs` itself. */
export const drainSchema = z
  .strictObject({
    noticeMs: z
      .number()
      .nonnegative()
      .default(0)
      .describe(
        'How long it goes on accepting while /readyz already says 503, so that balancers notice. Part of the grace.',
      ),
    graceMs: z
      .number()
      .positive()
      .default(10_000)
      .describe('From the signal until what is still in flight is cut off.'),
  })
  .refine(({ noticeMs, graceMs }) => noticeMs < graceMs, {
    path: ['noticeMs'],
    error: 'is as long as the grace: nothing could end in what is left of it',
  })

export type DrainConfig = z.output<typeof drainSchema>

/** Who embeds. A key comes by the name of an environment variable only (services/secrets.ts). */
export const embedSchema = z.strictObject({
  url: z.url(),
  protocol: z.enum(['tei', 'openai']).default('tei'),
  model: z.string().optional(),
  apiKeyEnv: z.string().optional(),
})

/** The collection as the stack has it (`Collection` of src/stack). */
export const collectionSchema = z.strictObject({
  name: z.string().min(1),
  dimensions: z.int().positive(),
  distance: z.enum(['Cosine', 'Dot', 'Euclid', 'Manhattan']),
  points: z.number().nonnegative(),
  shards: z.int().positive(),
  replication: z.int().positive(),
  writeConsistency: z.int().positive().default(1),
  quantization: z.enum(['none', 'scalar', 'product', 'binary']),
})
