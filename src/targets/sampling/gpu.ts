/** What GPUs do, as `nvidia-smi` says. */

export interface GpuReading {
  /** As the host counts them, from 0. */
  readonly index: number
  /** `GPU-…`, or `MIG-…` of a part of one. */
  readonly uuid: string
  /** Share of the time in which any kernel ran, 0 … 1; null where the GPU does not say (parts of a GPU do not). */
  readonly utilization: number | null
  readonly memoryBytes: number | null
}

const mebibyte = 2 ** 20

/** Run in a container that has GPUs, or on their host. `gpuSample` reads what it prints. */
export const nvidiaSmi: readonly string[] = [
  'nvidia-smi',
  '--query-gpu=index,uuid,utilization.gpu,memory.used',
  '--format=csv,noheader,nounits',
]

/** A line a GPU: `0, GPU-6b5d…, 87, 61440`, memory in MiB; `[N/A]` and the like are null, other lines no GPU. */
export function gpuSample(csv: string): GpuReading[] {
  return csv.split('\n').flatMap((line): GpuReading[] => {
    const [index = '', uuid = '', utilization = '', memory = ''] = line
      .split(',')
      .map((field) => field.trim())
    if (!/^\d+$/.test(index) || uuid === '') return []
    return [
      {
        index: Number(index),
        uuid,
        utilization: scaled(utilization, 0.01),
        memoryBytes: scaled(memory, mebibyte),
      },
    ]
  })
}

function scaled(field: string, by: number): number | null {
  return /^\d+(\.\d+)?$/.test(field) ? Number(field) * by : null
}

export interface GpuUse {
  /** A mean over its GPUs, 0 … 1. */
  readonly gpuUtilization: number | null
  /** Summed over its GPUs. */
  readonly gpuMemoryBytes: number | null
}

/** Of one replica, which has all of these. */
export function gpuUse(gpus: readonly GpuReading[]): GpuUse {
  const shares = gpus.map((gpu) => gpu.utilization).filter((share) => share !== null)
  const memory = gpus.map((gpu) => gpu.memoryBytes).filter((count) => count !== null)
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  return {
    gpuUtilization: shares.length === 0 ? null : sum(shares) / shares.length,
    gpuMemoryBytes: memory.length === 0 ? null : sum(memory),
  }
}
