import type { Image } from '../container.ts'
import { capabilityOf, isCpu } from '../gpus.ts'

/** The newest release in November 2026, by its package. */
const version = 'v0.33.0'

/** One image for every NVIDIA GPU from Turing on; another without one. */
export function vllmImage(gpu: string | undefined, override?: string): Image {
  if (override !== undefined) return { reference: override, because: 'as ragscale.yaml says' }
  if (gpu === undefined || isCpu(gpu)) {
    return { reference: `vllm/vllm-openai-cpu:${version}`, because: 'without a GPU: the build for CPUs' }
  }
  const capability = capabilityOf(gpu)
  const generation =
    capability === undefined ? '' : `, ${gpu} (compute capability ${capability.toFixed(1)}) among them`
  return {
    reference: `vllm/vllm-openai:${version}`,
    because: `one build for every GPU from Turing on${generation}`,
  }
}
