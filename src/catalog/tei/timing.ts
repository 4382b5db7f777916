import type { ReplicaTier, VectorTier } from '../../stack/stack.ts'
import { type Timing, namesOf, unknownTiming } from '../component.ts'
import { gpuNamed, gpus, isCpu } from '../gpus.ts'
import { encoderModel, encoderModels } from '../models.ts'
import { maxBatchTokens, maxConcurrent } from './settings.ts'

/**
 * What an encoder's batches reach of the dense 16-bit operations on a GPU's data sheet. A round assumption, as
 * everything below is: an emulator has to be plausible, and only a measurement is right.
 */
const reachedShare = 0.33

/** Operations a second that eight virtual CPUs reach on such a model in 32 bits: about six inputs of 512 tokens a second for bge-base. */
const cpuFlops = 0.5e12

/** Tokenising, queueing and pooling, and starting each layer's kernels. */
const overhead = { gpu: { base: 1, perLayer: 0.15 }, cpu: { base: 2, perLayer: 0.25 } }

/** Dynamic batching of an encoder: 24 · layers · hidden² operations a token. */
export function teiTiming(tier: ReplicaTier | VectorTier): Timing {
  if ('nodes' in tier) return unknownTiming('component', 'tei fills no vector tier')
  const model = encoderModel(tier.model ?? '')
  if (model === undefined) {
    return unknownTiming('model', `no timing is known for this model; known are ${namesOf(encoderModels)}`)
  }
  const cpu = isCpu(tier.gpu)
  const gpu = gpuNamed(tier.gpu ?? '')
  if (!cpu && gpu === undefined) {
    return unknownTiming('gpu', `no timing is known for this GPU; known are cpu, ${namesOf(gpus)}`)
  }
  const flops = gpu === undefined ? cpuFlops : gpu.flops * reachedShare
  const { base, perLayer } = gpu === undefined ? overhead.cpu : overhead.gpu
  return {
    model: 'batching',
    overheadMs: base + perLayer * model.layers,
    msPerToken: (24 * model.layers * model.hidden ** 2 * 1000) / flops,
    maxBatchTokens,
    maxConcurrent,
    cv: 0.05,
  }
}
