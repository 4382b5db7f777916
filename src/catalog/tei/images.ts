import { capabilityOf, isCpu } from '../gpus.ts'
import type { Image } from '../container.ts'

const repository = 'ghcr.io/huggingface/text-embeddings-inference'
/** The newest release in July 2026. */
const version = '1.9.3'

/**
 * Images are built for one compute capability each (`.github/workflows/matrix.json` of 1.9.3); a binary for another
 * one refuses to start.
 */
const builds: readonly (readonly [capability: number, prefix: string, generation: string])[] = [
  [7.5, 'turing-', 'Turing'],
  [8.0, '', 'Ampere 8.0'],
  [8.6, '86-', 'Ampere 8.6'],
  [8.9, '89-', 'Ada Lovelace'],
  [9.0, 'hopper-', 'Hopper'],
  [10.0, '100-', 'Blackwell 10.0'],
  [12.0, '120-', 'Blackwell 12.0'],
]

/** The image for a GPU, for none, or for one whose name says nothing. */
export function teiImage(gpu: string | undefined, override?: string): Image {
  if (override !== undefined) return { reference: override, because: 'as ragscale.yaml says' }
  const tagged = (prefix: string, because: string): Image => ({
    reference: `${repository}:${prefix}${version}`,
    because,
  })
  if (gpu === undefined || isCpu(gpu)) return tagged('cpu-', 'without a GPU: the build for CPUs')
  const capability = capabilityOf(gpu)
  const build = builds.find(([of]) => of === capability)
  return build === undefined
    ? tagged('cuda-', `the build that asks the GPU for its compute capability, which ${gpu} does not say`)
    : tagged(build[1], `${gpu} is of the generation ${build[2]} (compute capability ${build[0].toFixed(1)})`)
}
