/** What a language model leaves of its GPUs' memory for the KV cache, at 16 bits. vLLM's and TGI's alike. */
import type { ReplicaTier } from '../../stack/stack.ts'
import type { Room } from '../component.ts'
import { type Gpu, gpuNamed, gpus } from '../gpus.ts'
import { type LanguageModel, kvBytesPerToken, languageModel } from '../models.ts'

/** vLLM's default of `--gpu-memory-utilization`. */
export const memoryShare = 0.9
/** Activations and the CUDA graphs, on each GPU: a round assumption. */
const activationBytes = 1.5e9
const bytesPerParameter = 2

/** Tokens of KV cache that `span` GPUs hold together beside the weights; negative where these alone do not fit. */
export function kvTokensOf(model: LanguageModel, gpu: Gpu, span: number): number {
  const free = (memoryShare * gpu.memoryBytes - activationBytes) * span - weightsBytes(model)
  return Math.floor(free / kvBytesPerToken(model))
}

export function weightsBytes(model: LanguageModel): number {
  return model.parameters * bytesPerParameter
}

/** It fits when the weights and the cache of one sequence of full length do. */
export function languageModelRoom(tier: ReplicaTier): Room | null {
  const model = languageModel(tier.model ?? '')
  const gpu = gpuNamed(tier.gpu ?? '')
  if (model === undefined || gpu === undefined) return null
  const span = tier.tensorParallel ?? 1
  const longest = tier.maxModelLength ?? 8192
  const kvTokens = kvTokensOf(model, gpu, span)
  const where = `${model.name} on ${span} × ${gpu.name}`
  if (kvTokens >= longest) return { fits: true, because: `${where}: room for ${kvTokens} tokens`, cure: '' }
  const short =
    kvTokens <= 0 ? 'its weights do not fit' : `room is left for ${kvTokens} tokens, of ${longest}`
  return { fits: false, because: `${where}: ${short}`, cure: cureFor(model, gpu, longest, kvTokens) }
}

function cureFor(model: LanguageModel, gpu: Gpu, longest: number, kvTokens: number): string {
  const span = [1, 2, 4, 8].find(
    (n) => model.attentionHeads % n === 0 && kvTokensOf(model, gpu, n) >= longest,
  )
  const larger = gpus.find(
    (other) => other.memoryBytes > gpu.memoryBytes && kvTokensOf(model, other, 1) >= longest,
  )
  return [
    ...(span === undefined ? [] : [`tensorParallel: ${span}`]),
    ...(larger === undefined ? [] : [`gpu: ${larger.name}`]),
    ...(kvTokens > 0 ? [`maxModelLength: ${kvTokens}`] : []),
  ].join(', or ')
}
