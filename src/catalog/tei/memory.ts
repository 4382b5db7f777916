/** What an encoder takes of memory. */
import type { ReplicaTier } from '../../stack/stack.ts'
import type { Room } from '../component.ts'
import { type Gpu, gpuNamed, gpus } from '../gpus.ts'
import { type EncoderModel, encoderModel } from '../models.ts'
import { maxBatchTokens } from './settings.ts'

/** TEI computes in 16 bits on a GPU and in 32 on a CPU, unless `--dtype` says otherwise. */
export const bytesPerParameter = { gpu: 2, cpu: 4 } as const

/** CUDA's context and kernels: a round assumption. */
const contextBytes = 1e9

export function weightsBytes(model: EncoderModel, on: 'gpu' | 'cpu'): number {
  return model.parameters * bytesPerParameter[on]
}

/**
 * What a batch of `--max-batch-tokens` takes while it passes a layer: its input and output, the three projections
 * and the four times wider one between them, at 16 bits. Scores are not kept where flash attention is used.
 */
function activationBytes(model: EncoderModel): number {
  return maxBatchTokens * model.hidden * (2 + 3 + 4) * 2
}

/** It fits when the weights and one full batch do. */
export function encoderRoom(tier: ReplicaTier): Room | null {
  const model = encoderModel(tier.model ?? '')
  const gpu = gpuNamed(tier.gpu ?? '')
  if (model === undefined || gpu === undefined) return null
  const needed = neededBytes(model)
  const where = `${model.name} on ${gpu.name}`
  const size = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`
  const because = `${where}: weights and one batch of ${maxBatchTokens} tokens take ${size(needed)}, of ${size(gpu.memoryBytes)}`
  if (fitsIn(gpu, model)) return { fits: true, because, cure: '' }
  const larger = gpus.find((other) => fitsIn(other, model))
  return { fits: false, because, cure: larger === undefined ? 'a smaller model' : `gpu: ${larger.name}` }
}

function neededBytes(model: EncoderModel): number {
  return weightsBytes(model, 'gpu') + activationBytes(model) + contextBytes
}

function fitsIn(gpu: Gpu, model: EncoderModel): boolean {
  return neededBytes(model) <= gpu.memoryBytes
}
