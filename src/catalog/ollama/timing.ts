/**
 * How an emulated Ollama is timed: llama.cpp's decoding reads the weights once a step, whatever the batch, and
 * reaches less of the data sheet than vLLM does. Round assumptions, as everything that is emulated.
 */
import type { ReplicaTier, VectorTier } from '../../stack/stack.ts'
import { type Timing, namesOf, unknownTiming } from '../component.ts'
import { gpuNamed, gpus, isCpu } from '../gpus.ts'
import { kvBytesPerToken } from '../models.ts'
import { ollamaRoom, weightsBytes } from './memory.ts'
import { ollamaModel, ollamaNames } from './models.ts'

/** Shares of the data sheet: of the memory's bandwidth in a step, of the operations while a prompt is read. */
const bandwidthShare = 0.6
const prefillShare = 0.3
/** Eight virtual CPUs: bytes and operations a second. */
const cpu = { bandwidth: 40e9, flops: 0.4e12 }
const hostMs = 2
const typicalContext = 1024

export function ollamaTiming(tier: ReplicaTier | VectorTier): Timing {
  if ('nodes' in tier) return unknownTiming('component', 'ollama fills no vector tier')
  const model = ollamaModel(tier.model ?? '')
  if (model === undefined) {
    return unknownTiming('model', `no timing is known for this model; known are ${namesOf(ollamaNames)}`)
  }
  const gpu = gpuNamed(tier.gpu ?? '')
  if (gpu === undefined && !isCpu(tier.gpu)) {
    return unknownTiming('gpu', `no timing is known for this GPU; known are cpu, ${namesOf(gpus)}`)
  }
  const room = ollamaRoom(tier)
  if (room?.fits === false) return unknownTiming('gpu', room.because)
  // A model that spans GPUs passes them one after another: it is held, and not made faster.
  const bandwidth = gpu === undefined ? cpu.bandwidth : gpu.bandwidth * bandwidthShare
  const flops = gpu === undefined ? cpu.flops : gpu.flops * prefillShare
  const { maxSequences = 4, maxModelLength = 8192 } = tier
  return {
    model: 'continuous',
    stepMs: (weightsBytes(model) * 1000) / bandwidth + hostMs,
    msPerSequence: (kvBytesPerToken(model) * typicalContext * 1000) / bandwidth,
    prefillMs: hostMs,
    msPerPrefillToken: (2 * model.parameters * 1000) / flops,
    maxSequences,
    // `num_batch`: tokens that one step takes.
    maxBatchedTokens: 512,
    kvTokens: maxSequences * maxModelLength,
    cv: 0.05,
  }
}
