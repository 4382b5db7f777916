/** What a model takes of memory under Ollama: weights at 4 bits, and the context of every sequence at once. */
import type { ReplicaTier } from '../../stack/stack.ts'
import type { Room } from '../component.ts'
import { isCpu, gpuNamed, gpus } from '../gpus.ts'
import { type LanguageModel, kvBytesPerToken } from '../models.ts'
import { ollamaModel } from './models.ts'

/** Q4_K_M: 4.85 bits a parameter (llama.cpp's table of quantisations). */
const bytesPerParameter = 4.85 / 8
/** Compute buffers, on each GPU: a round assumption. */
const bufferBytes = 1e9

export function weightsBytes(model: LanguageModel): number {
  return Math.ceil(model.parameters * bytesPerParameter)
}

/** Ollama reserves the whole context for each of its parallel sequences when it loads the model. */
export function contextBytes(
  model: LanguageModel,
  { maxModelLength = 8192, maxSequences = 4 }: ReplicaTier,
): number {
  return kvBytesPerToken(model) * maxModelLength * maxSequences
}

/** It fits when weights and all contexts do; Ollama would else run a part of it on the CPU, many times slower. */
export function ollamaRoom(tier: ReplicaTier): Room | null {
  const model = ollamaModel(tier.model ?? '')
  const gpu = gpuNamed(tier.gpu ?? '')
  if (model === undefined || gpu === undefined || isCpu(tier.gpu)) return null
  const span = tier.tensorParallel ?? 1
  const { maxModelLength = 8192, maxSequences = 4 } = tier
  const needed = weightsBytes(model) + contextBytes(model, tier) + bufferBytes * span
  const size = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`
  const because = `${tier.model} on ${span} × ${gpu.name}: weights and ${maxSequences} contexts of ${maxModelLength} tokens take ${size(needed)}, of ${size(gpu.memoryBytes * span)}`
  if (needed <= gpu.memoryBytes * span) return { fits: true, because, cure: '' }
  const larger = gpus.find((other) => other.memoryBytes * span >= needed)
  const cures = [
    'a lower maxSequences or maxModelLength',
    ...(larger === undefined ? [] : [`gpu: ${larger.name}`]),
  ]
  return { fits: false, because, cure: cures.join(', or ') }
}
