/**
 * GPUs that are known by name: what their data sheets say, and what an hour of one costs.
 */

export interface Gpu {
  readonly name: string
  /** CUDA's compute capability: 8.9 is Ada Lovelace. */
  readonly capability: number
  readonly memoryBytes: number
  /** Of its memory, bytes a second. */
  readonly bandwidth: number
  /** Dense 16-bit tensor operations a second, without sparsity. */
  readonly flops: number
  /** USD, on demand. */
  readonly perHour: number
}

/** When the prices were looked up; they are a starting point for one's own. */
export const pricesAsOf = '2026-11'

type Row = readonly [string, number, number, number, number, number]

/**
 * name, compute capability, GB of memory, GB/s, TFLOPS (16 bits, dense, accumulated in 32), $/h. The prices of L40
 * and the two RTX are RunPod's on demand, of March 2026.
 */
const rows: readonly Row[] = [
  ['T4', 7.5, 16, 320, 65, 0.53],
  ['L4', 8.9, 24, 300, 121, 0.8],
  ['A10G', 8.6, 24, 600, 70, 1.01],
  ['RTX4090', 8.9, 24, 1008, 165, 0.6],
  ['RTX5090', 12.0, 32, 1792, 210, 1.22],
  ['L40', 8.9, 48, 864, 181, 1.22],
  ['L40S', 8.9, 48, 864, 362, 1.8],
  ['A100', 8.0, 80, 2039, 312, 2.21],
  ['H100', 9.0, 80, 3350, 989, 4.02],
  ['H200', 9.0, 141, 4800, 989, 5.5],
  ['B200', 10.0, 180, 7700, 2250, 9.0],
]

export const gpus: readonly Gpu[] = rows.map(([name, capability, gigabytes, bandwidth, tflops, perHour]) => ({
  name,
  capability,
  memoryBytes: gigabytes * 1e9,
  bandwidth: bandwidth * 1e9,
  flops: tflops * 1e12,
  perHour,
}))

/** Case does not matter; `cpu` is not one. */
export function gpuNamed(name: string): Gpu | undefined {
  return gpus.find((gpu) => gpu.name.toLowerCase() === name.toLowerCase())
}

/** GPUs of which only the generation is known, so that the right image can be chosen for them. */
const capabilities = new Map(
  Object.entries({
    rtx2080: 7.5,
    rtx6000: 7.5,
    a30: 8.0,
    'a100-40gb': 8.0,
    a2: 8.6,
    a10: 8.6,
    a16: 8.6,
    a40: 8.6,
    a6000: 8.6,
    rtx3090: 8.6,
    rtx6000ada: 8.9,
    h20: 9.0,
    gh200: 9.0,
    gb200: 10.0,
    rtxpro6000: 12.0,
  }),
)

/** Whether a tier runs without a GPU. */
export function isCpu(gpu: string | undefined): boolean {
  return gpu === undefined || gpu.toLowerCase() === 'cpu'
}

/** CUDA's compute capability, from NVIDIA's list of GPUs; undefined for a name that is not known. */
export function capabilityOf(name: string): number | undefined {
  return (
    gpuNamed(name)?.capability ?? capabilities.get(name.toLowerCase().replaceAll(/^nvidia[ -]?|[ _]/g, ''))
  )
}
