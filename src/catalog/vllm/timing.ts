/**
 * How an emulated vLLM is timed: round assumptions about what it reaches of a GPU's data sheet, which put a
 * token of Llama 3.1 8B at 7.5 ms on an H100. These figures are the emulator's own: `capacity/` finds its
 * numbers in measurements, and shares none of them.
 */
import type { ReplicaTier, VectorTier } from '../../stack/stack.ts'
import { type Timing, namesOf, unknownTiming } from '../component.ts'
import { gpuNamed, gpus } from '../gpus.ts'
import { kvBytesPerToken, languageModel, languageModels } from '../models.ts'
import { kvTokensOf, languageModelRoom, weightsBytes } from './memory.ts'

/** What a decode step reaches of the memory bandwidth on the data sheet, for weights and for the KV cache. */
const weightsShare = 0.8
const kvShare = 0.6
/** What a prefill reaches of the dense 16-bit operations on the data sheet. */
const prefillShare = 0.5
/** Scheduling, sampling and detokenising of one step, outside the GPU. */
const hostMs = 1.5
const hostMsPerSequence = 0.01
/** An all-reduce, two a layer, when a replica spans GPUs. */
const allReduceMs = 0.015
/** Tokens of context at which a sequence's share of a step is taken. */
const typicalContext = 1024
/** vLLM's default of `--max-num-batched-tokens`. */
const maxBatchedTokens = 8192

/** Continuous batching at 16 bits, from the model's shape and the GPU's data sheet. */
export function vllmTiming(tier: ReplicaTier | VectorTier): Timing {
  if ('nodes' in tier) return unknownTiming('component', 'vllm fills no vector tier')
  const model = languageModel(tier.model ?? '')
  if (model === undefined) {
    return unknownTiming('model', `no timing is known for this model; known are ${namesOf(languageModels)}`)
  }
  const gpu = gpuNamed(tier.gpu ?? '')
  if (gpu === undefined) {
    const what = tier.gpu === undefined ? 'a GPU is needed' : 'no timing is known for this GPU'
    return unknownTiming('gpu', `${what}; known are ${namesOf(gpus)}`)
  }
  const span = tier.tensorParallel ?? 1
  const room = languageModelRoom(tier)
  if (room?.fits === false) return unknownTiming('gpu', room.because)
  const weights = weightsBytes(model)
  const allReduces = span > 1 ? 2 * model.layers * allReduceMs : 0
  return {
    model: 'continuous',
    stepMs: (weights * 1000) / (weightsShare * gpu.bandwidth * span) + hostMs + allReduces,
    msPerSequence:
      (kvBytesPerToken(model) * typicalContext * 1000) / (kvShare * gpu.bandwidth * span) + hostMsPerSequence,
    prefillMs: hostMs,
    msPerPrefillToken: (2 * model.parameters * 1000) / (prefillShare * gpu.flops * span),
    maxSequences: tier.maxSequences ?? 256,
    maxBatchedTokens,
    kvTokens: kvTokensOf(model, gpu, span),
    cv: 0.03,
  }
}
