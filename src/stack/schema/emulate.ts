/** `emulate:` chooses the timing of an emulated replica, in place of the catalogue's. */
import { z } from 'zod'
import { countField, durationField, numberField, percentageField } from './fields.ts'

const time = () => durationField({ min: 0, max: 3_600_000 })
const cv = () =>
  numberField(0, 10).default(0).describe('Coefficient of variation of the time. Default: none.')

const fifo = z
  .strictObject({
    model: z.literal('fifo'),
    law: z
      .enum(['fixed', 'exponential', 'lognormal', 'bimodal'])
      .default('fixed')
      .describe('How service times are spread around their mean.'),
    mean: time().describe('Mean time to serve one request.'),
    cv: numberField(0, 10).optional().describe('lognormal: its coefficient of variation.'),
    slowShare: percentageField().optional().describe('bimodal: the share of slow requests.'),
    slowFactor: numberField(1, 10_000).optional().describe('bimodal: how many times slower they are.'),
    servers: countField(1, 1024).prefault(1).describe('Requests served at a time.'),
    queueLimit: countField(0, 1_000_000)
      .optional()
      .describe('Requests that may wait; one more gets 429. Default: no limit.'),
  })
  .describe('One queue, first come first served, and so many servers.')

const batching = z
  .strictObject({
    model: z.literal('batching'),
    overhead: time().describe('What a batch takes besides its tokens.'),
    perToken: time().describe('What each token of a batch adds.'),
    maxBatchTokens: countField(1, 10_000_000).prefault(16_384).describe('Tokens that one batch takes.'),
    maxConcurrent: countField(1, 1_000_000).prefault(512).describe('Requests inside; one more gets 429.'),
    cv: cv(),
  })
  .describe('Dynamic batching: while a batch runs, arrivals wait for the next.')

const continuous = z
  .strictObject({
    model: z.literal('continuous'),
    step: time().describe('What one decode step takes.'),
    perSequence: time().describe('What each sequence adds to a step.'),
    prefill: time().prefault('0ms').describe('What reading a prompt takes besides its tokens.'),
    perPrefillToken: time().describe('What each token of a prompt adds.'),
    maxSequences: countField(1, 4096).prefault(256).describe('Sequences decoded together.'),
    maxBatchedTokens: countField(1, 10_000_000).prefault(8192).describe('Tokens that one step takes.'),
    kvTokens: countField(1, 1_000_000_000).prefault(200_000).describe('Tokens that the KV cache holds.'),
    cv: cv(),
  })
  .describe('Continuous batching: sequences join and leave between decode steps.')

const search = z
  .strictObject({
    model: z.literal('search'),
    servers: countField(1, 1024).prefault(1).describe('Search threads of one node.'),
    base: time().describe('What searching one shard takes.'),
    perMillionPoints: time().prefault('0ms').describe('What each million points of the shard adds.'),
    fanout: time()
      .prefault('0ms')
      .describe('What each further shard of a query adds where it is coordinated.'),
    cv: cv(),
  })
  .describe('Search threads: each shard of a query takes one of them for a while.')

const timing = <
  const Choices extends readonly [typeof batching | typeof continuous | typeof search, typeof fifo],
>(
  choices: Choices,
) =>
  z
    .discriminatedUnion('model', choices, { error: 'expected another model of timing' })
    .describe('How an emulated one is timed, in place of the catalogue’s timing.')

/** By tier: which models of timing make sense there. */
export const emulateSchemas = {
  embed: timing([batching, fifo]),
  rerank: timing([batching, fifo]),
  vector: timing([search, fifo]),
  generate: timing([continuous, fifo]),
}

export type EmulateShape = z.output<typeof fifo | typeof batching | typeof continuous | typeof search>
