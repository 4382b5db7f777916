/** Workloads as the services of a Compose or Swarm file: one a workload, or one a replica where each differs. */
import type { RenderTarget, Topology, Workload } from '../topology.ts'

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
 * In the order of the topology. On Compose each replica that needs GPUs is a service of its own, with GPUs that no other
 * has, counted from 0: replicas of one service would all be given the same ones. Swarm gives each task its own.
 */
export function servicesOf(topology: Topology): Service[] {
  const { target } = topology
  let nextGpu = 0
  return topology.workloads.flatMap((workload): Service[] => {
    if (!isNumbered(workload, target)) {
      return [{ name: workload.name, workload, number: null, replicas: replicasOf(workload), gpuIds: [] }]
    }
    return numbersTo(workload.count).map((number) => ({
      name: `${workload.name}-${number}`,
      workload,
      number,
      replicas: 1,
      gpuIds: target === 'compose' ? takeGpus(workload.container.gpus) : [],
    }))
  })

  function takeGpus(count: number): number[] {
    const taken = numbersTo(count).map((number) => nextGpu + number - 1)
    nextGpu += count
    return taken
  }
}

/** Whether each replica is a service of its own: those of a cluster by their names, on Compose also by GPUs and data. */
export function isNumbered({ kind, container, count }: Workload, target: RenderTarget): boolean {
  if (kind === 'nodes') return true
  if (kind !== 'replicas' || target !== 'compose') return false
  return container.gpus > 0 || (count > 1 && container.mounts.some((mount) => mount.kind === 'own'))
}

function replicasOf({ kind, count }: Workload): number {
  return kind === 'replicas' ? count : 1
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}
