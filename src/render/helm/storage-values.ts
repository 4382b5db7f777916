/** Volumes that outlive pods: `storage` of values.yaml, by the name of the mount. */
import { said, type TreeMap } from '../compose/document.ts'
import type { Topology, Workload } from '../topology.ts'
import { diskQuantity } from './quantities.ts'
import { kindOf } from './workload-values.ts'

const gibibyte = 2 ** 30

export function storageValues({ workloads }: Topology): TreeMap {
  const shared = new Map<string, Map<string, number | null>>()
  const own = new Map<string, number | null>()
  for (const workload of workloads) {
    for (const { name, kind, sizeBytes } of workload.container.mounts) {
      if (kind === 'shared') {
        // A tier's job and its replicas read and write the same files: counted once.
        const sizes = shared.get(name) ?? new Map<string, number | null>()
        shared.set(name, sizes.set(workload.tier, largest(sizes.get(workload.tier) ?? null, sizeBytes)))
      }
      if (kind === 'own' && claims(workload)) own.set(name, largest(own.get(name) ?? null, sizeBytes))
    }
  }
  return {
    ...Object.fromEntries([...shared].map(([name, sizes]) => [name, sharedClaim([...sizes.values()])])),
    ...Object.fromEntries([...own].map(([name, size]) => [name, ownClaim(size)])),
  }
}

function claims(workload: Workload): boolean {
  return workload.kind !== 'job' && kindOf(workload) === 'StatefulSet'
}

function sharedClaim(sizes: readonly (number | null)[]): TreeMap {
  const known = sizes.every((size) => size !== null)
  const bytes = known ? sizes.reduce((sum, size) => sum + size, 0) : 100 * gibibyte
  return {
    shared: true,
    enabled: said('false: every pod fetches for itself, into its own disk.', true),
    existingClaim: said('A claim that is there already, as with models that are fetched by other means.', ''),
    size: said(
      known
        ? 'The models of all tiers, and room for another version of each.'
        : 'Not all models are known: a round figure.',
      diskQuantity(known ? bytes * 2 : bytes),
    ),
    accessModes: said(
      'ReadWriteMany, since replicas are on several machines. Where the cluster has no such class: enabled: false.',
      ['ReadWriteMany'],
    ),
    storageClassName: said("'': the cluster's default.", ''),
    keep: said('It stays when the release is uninstalled.', true),
  }
}

function ownClaim(size: number | null): TreeMap {
  return {
    shared: false,
    enabled: true,
    size: diskQuantity(size ?? 10 * gibibyte),
    accessModes: ['ReadWriteOnce'],
    storageClassName: '',
  }
}

function largest(a: number | null, b: number | null): number | null {
  if (a === null) return b
  return b === null ? a : Math.max(a, b)
}
