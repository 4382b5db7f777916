/**
 * GPUs that are known by name: what their data sheets say, and what an hour of one costs.
 */

export interface Gpu {
  readonly name: string
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

type Row = readonly [string, number, number, number, number]

/** name, GB of memory, GB/s, TFLOPS (16 bits, dense), $/h */
const rows: readonly Row[] = [
  ['T4', 16, 320, 65, 0.53],
  ['L4', 24, 300, 121, 0.8],
  ['A10G', 24, 600, 70, 1.01],
  ['L40S', 48, 864, 362, 1.8],
  ['A100', 80, 2039, 312, 2.21],
  ['H100', 80, 3350, 989, 4.02],
  ['H200', 141, 4800, 989, 5.5],
  ['B200', 180, 7700, 2250, 9.0],
]

export const gpus: readonly Gpu[] = rows.map(([name, gigabytes, bandwidth, tflops, perHour]) => ({
  name,
  memoryBytes: gigabytes * 1e9,
  bandwidth: bandwidth * 1e9,
  flops: tflops * 1e12,
  perHour,
}))

/** Case does not matter; `cpu` is not one. */
export function gpuNamed(name: string): Gpu | undefined {
  return gpus.find((gpu) => gpu.name.toLowerCase() === name.toLowerCase())
}
