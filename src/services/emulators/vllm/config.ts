import { z } from 'zod'
import type { Emulation } from '../../../stack/stack.ts'
import { parseConfig } from '../../config.ts'
import { replicaSchema } from '../config.ts'

const schema = replicaSchema
  .extend({
    model: z.string().min(1),
    /** Further names by which the model is asked for (`--served-model-name` takes several). */
    alsoServes: z.array(z.string().min(1)).default([]),
    /** Longest prompt and answer together, in tokens. Default: 8192, or what the KV cache holds if that is less. */
    maxModelLength: z.int().positive().nullish(),
    prefixCaching: z.boolean().default(true),
    /** Whether usage tells of cached tokens (`--enable-prompt-tokens-details`). */
    promptTokensDetails: z.boolean().default(true),
    maxBodyBytes: z.int().positive().default(20_000_000),
    /** How long the model takes to load; it does not listen before. */
    startupMs: z.number().nonnegative().default(0),
    /** Adds to the log when each token was in fact written, `writtenMs`. */
    logTokens: z.boolean().default(false),
  })
  .transform((config) => ({
    ...config,
    maxModelLength: config.maxModelLength ?? Math.min(8192, kvTokensOf(config.emulation)),
  }))
  .refine(({ emulation, maxModelLength }) => maxModelLength <= kvTokensOf(emulation), {
    path: ['maxModelLength'],
    error:
      'is more than the KV cache holds (emulation.kvTokens): not one request of that length could be served',
  })

export type VllmConfig = z.output<typeof schema>

/** Throws with every fault in words. */
export function parseVllmConfig(config: unknown): VllmConfig {
  return parseConfig('vllm', schema, config)
}

function kvTokensOf(emulation: Emulation): number {
  return emulation.model === 'continuous' ? emulation.kvTokens : Infinity
}
