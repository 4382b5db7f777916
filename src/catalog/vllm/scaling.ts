import type { ReplicaTier, Stack } from '../../stack/stack.ts'
import { gpuNamed } from '../gpus.ts'
import { languageModel } from '../models.ts'
import type { Scaling } from '../scaling.ts'
import { kvTokensOf } from './memory.ts'

/** Of what one replica can run together, the share at which there are to be more replicas. */
const wantedShare = 0.75

/**
 * Requests running and waiting: neither the GPU's utilisation, which is full from the first request on, nor requests a
 * second, which say nothing of their length.
 */
export function vllmScaling(tier: ReplicaTier, { workload }: Stack): Scaling {
  const most = tier.maxSequences ?? 256
  const cached = sequencesInCache(tier, workload.inputTokens + workload.outputTokens)
  const together = Math.max(1, Math.min(most, cached ?? most))
  const bound =
    cached === null || cached >= most
      ? `maxSequences lets a replica run ${most} together`
      : `the KV cache holds ${cached} of ${workload.inputTokens + workload.outputTokens} tokens`
  return {
    metric: 'requests running and waiting',
    query: 'sum(vllm:num_requests_running{job="$job"}) + sum(vllm:num_requests_waiting{job="$job"})',
    unit: 'requests',
    defaultTarget: Math.max(1, Math.floor(together * wantedShare)),
    // Beyond it requests wait: a target above it scales when it is too late.
    ceiling: most,
    because: `${bound}; at three quarters of that a replica is added before requests wait`,
  }
}

/** Sequences of that many tokens that the KV cache holds; null where model or GPU are not known. */
export function sequencesInCache(tier: ReplicaTier, tokens: number): number | null {
  const model = languageModel(tier.model ?? '')
  const gpu = gpuNamed(tier.gpu ?? '')
  if (model === undefined || gpu === undefined) return null
  return Math.max(0, Math.floor(kvTokensOf(model, gpu, tier.tensorParallel ?? 1) / Math.max(1, tokens)))
}
