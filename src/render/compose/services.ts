/** Workloads as the services of a Compose or Swarm file: one a workload, or one a replica where each differs. */
import type { Topology, Workload } from '../topology.ts'

export interface Service {
  /** `embed`, or with its number `vector-2`, `embed-1`. */
  readonly name: string
  readonly workload: Workload
  /** Which replica or node it is, from 1; null where the engine makes and counts the replicas. */
  readonly number: number | null
  /** Replicas that the engine makes of it. */
  readonly replicas: number
  /** The GPUs of its machine that are its alone. */
  readonly gpuIds: readonly number[]
}

/**
 * In the order of the topology. With `pinGpus` each replica that needs GPUs is a service of its own with GPUs that no
 * other has, counted from 0: replicas of one service would all be given the same ones.
 */
export function servicesOf(topology: Topology, { pinGpus }: { readonly pinGpus: boolean }): Service[] {
  let nextGpu = 0
  return topology.workloads.flatMap((workload): Service[] => {
    const { gpus } = workload.container
    if (!isSplit(workload, pinGpus)) {
      return [
        {
          name: workload.name,
          workload,
          number: null,
          replicas: replicasOf(workload),
          gpuIds: takeGpus(pinGpus ? gpus : 0),
        },
      ]
    }
    return numbersTo(workload.count).map((number) => ({
      name: `${workload.name}-${number}`,
      workload,
      number,
      replicas: 1,
      gpuIds: takeGpus(pinGpus ? gpus : 0),
    }))
  })

  function takeGpus(count: number): number[] {
    const taken = numbersTo(count).map((number) => nextGpu + number - 1)
    nextGpu += count
    return taken
  }
}

/** Whether replicas differ: by their name and data, or by their GPUs. */
export function isSplit(workload: Workload, pinGpus: boolean): boolean {
  const { kind, container, count } = workload
  if (kind === 'nodes') return true
  if (kind !== 'replicas') return false
  if (pinGpus && container.gpus > 0) return true
  return count > 1 && container.mounts.some((mount) => mount.kind === 'own')
}

function replicasOf({ kind, count }: Workload): number {
  return kind === 'replicas' ? count : 1
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}
