/** How long each workload of a release may take to be ready, by what the catalogue says of its start. Pure. */
import type { Topology, Workload } from '../../render/topology.ts'
import { workloadOf } from './change-words.ts'
import type { Controller } from './objects.ts'
import type { AwaitedTier } from './steps.ts'

/** A node that is added, an image of many gigabytes that is pulled. */
const arrivalMs = 15 * 60_000
/** A model that is fetched first: what the chart gives the job that does the same. */
const fetchMs = 4 * 60 * 60_000

/** Those that the release has; of jobs, those that others wait for. */
export function awaitedTiers({ workloads }: Topology, controllers: readonly Controller[]): AwaitedTier[] {
  return workloads.flatMap((workload) => {
    const own = controllers.filter((controller) => workloadOf(controller) === workload.name)
    if (own.length === 0 || fetches(workload)) return []
    const startMs = (workload.container.health?.startupSeconds ?? 60) * 1000
    const prefetched = workload.after.some(({ name }) =>
      workloads.some((one) => one.name === name && fetches(one)),
    )
    // With GPUs one ends before its successor starts.
    const inTurn = workload.container.gpus > 0 ? Math.max(1, workload.count) : 1
    return [
      {
        workload: workload.name,
        tier: workload.tier,
        deadlineMs: arrivalMs + (prefetched ? fetchMs : 0) + startMs * inTurn,
      },
    ]
  })
}

/** A job that only fills a volume: the replicas wait for it themselves, as an init container. */
function fetches({ kind, container }: Workload): boolean {
  return kind === 'job' && container.mounts.some((mount) => mount.kind === 'shared')
}
