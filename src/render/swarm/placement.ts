/** Labels by which nodes say what they are for: what keeps data must come back to where its data is. */
import type { Service } from '../compose/services.ts'
import { hasOwnVolumes } from '../compose/volumes.ts'
import type { Workload } from '../topology.ts'

/**
 * Labels that a node must have for a task of the service: `ragscale.vector-2` for what keeps data; the tier's,
 * `ragscale.generate`, for what reads a model that a job put on the node.
 */
export function placementLabels({ name, workload }: Service): string[] {
  if (keepsData(workload)) return [`ragscale.${name}`]
  const shares = workload.container.mounts.some(({ kind }) => kind === 'shared')
  return shares ? [`ragscale.${workload.tier}`] : []
}

/** All labels that a swarm needs for the services, in their order. */
export function labelsNeeded(services: readonly Service[]): string[] {
  return [...new Set(services.flatMap(placementLabels))]
}

/**
 * Whether nothing else has its data. Of several alike (read replicas, caches of compiled kernels) each makes its own
 * again on another node.
 */
export function keepsData(workload: Workload): boolean {
  return workload.kind === 'nodes' || (workload.count === 1 && hasOwnVolumes(workload))
}
