import { z } from 'zod'
import { parseConfig } from '../../config.ts'
import { replicaSchema } from '../config.ts'

const schema = replicaSchema
  .extend({
    model: z.string().min(1),
    /** What the model is for; TEI reads it off the model's files, the default here off its name. */
    modelType: z.enum(['embedding', 'reranker']).optional(),
    dimensions: z.int().positive().default(768),
    /** Most inputs of one request (TEI's `--max-client-batch-size`). */
    maxClientBatch: z.int().positive().default(32),
    /** Longest input in tokens; longer ones are truncated unless the client forbids it. */
    maxInputTokens: z.int().positive().default(512),
    maxBodyBytes: z.int().positive().default(2_000_000),
    /** How long the model takes to load; it does not listen before. */
    startupMs: z.number().nonnegative().default(0),
  })
  .transform((config) => ({ ...config, modelType: config.modelType ?? modelTypeOf(config.model) }))

export type TeiConfig = z.output<typeof schema>

/** Throws with every fault in words. */
export function parseTeiConfig(config: unknown): TeiConfig {
  return parseConfig('tei', schema, config)
}

function modelTypeOf(model: string): 'embedding' | 'reranker' {
  return /rerank|cross-encoder/i.test(model) ? 'reranker' : 'embedding'
}
