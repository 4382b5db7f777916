import type { Work } from './core.ts'
import type { BlockHash } from './kv-cache.ts'

/** Tokens in one block of the KV cache: vLLM's default. */
export const blockTokens = 16

export interface ContinuousRequest extends Work {
  readonly promptTokens: number
  readonly outputTokens: number
  /** The prompt's full blocks, when prefixes are to be shared. */
  readonly prefix?: readonly BlockHash[]
}

/** A request on its way through the scheduler. */
export interface Sequence {
  readonly id: number
  readonly promptTokens: number
  readonly outputTokens: number
  readonly work: number
  readonly prefix: readonly BlockHash[]
  readonly arrivalMs: number
  /** When it was first scheduled; NaN before. */
  startMs: number
  firstTokenMs: number
  /** Tokens whose keys and values are in the cache. */
  computed: number
  generated: number
  /** Tokens that the step under way computes. */
  scheduled: number
  ownBlocks: number
  held: BlockHash[]
  /** Prompt tokens that were found in the prefix cache when it was first scheduled. */
  cachedTokens: number
  cancelled: boolean
}

export function sequenceOf(request: ContinuousRequest, arrivalMs: number): Sequence {
  const { id, promptTokens, outputTokens, work = 1, prefix = [] } = request
  if (promptTokens < 1 || outputTokens < 1)
    throw new RangeError('a sequence needs a token to read and one to write')
  return {
    id,
    promptTokens,
    outputTokens,
    work,
    prefix,
    arrivalMs,
    startMs: NaN,
    firstTokenMs: NaN,
    computed: 0,
    generated: 0,
    scheduled: 0,
    ownBlocks: 0,
    held: [],
    cachedTokens: 0,
    cancelled: false,
  }
}

/** Tokens that are known and not yet computed. */
export function remaining(sequence: Sequence): number {
  return sequence.promptTokens + sequence.generated - sequence.computed
}

/** Whether the step under way makes a further token of it, and not the first. */
export function decodes(sequence: Sequence): boolean {
  return sequence.computed >= sequence.promptTokens && sequence.scheduled === 1
}

export function blocksOf(tokens: number): number {
  return Math.ceil(tokens / blockTokens)
}
