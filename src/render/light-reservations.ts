/** What a rehearsal reserves: as little as lets all of a stack find room on one small machine. */
import type { Stack, SupportTier } from '../stack/stack.ts'
import type { Workload } from './topology.ts'

/** Of each container: twenty of them fit on two cores. Nothing is limited by it, so that idle cores help. */
const cpus = 0.1

/** The same workload reserving no more than that, unless `resources.cpus` of its tier says how much. */
export function reservingLittle(workload: Workload, stack: Stack): Workload {
  const { container, tier } = workload
  const { resources } = container
  const written = { ...stack.tiers, ...stack.support } as Readonly<Record<string, Partial<SupportTier>>>
  if (resources.request.cpus <= cpus || written[tier]?.resources?.cpus !== undefined) return workload
  const because = `${resources.because}; in a rehearsal ${cpus} CPUs are reserved in place of ${resources.request.cpus}, so that all finds room on one small machine`
  return {
    ...workload,
    container: {
      ...container,
      resources: { ...resources, request: { ...resources.request, cpus }, because },
    },
  }
}
