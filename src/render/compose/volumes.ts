/** Where containers keep what they write: volumes, memory, and what agents see of their host. */
import type { Workload } from '../topology.ts'
import type { Tree } from './document.ts'
import type { Service } from './services.ts'

/** The name of a mount's volume for one service: numbered where each replica has one of its own. */
export function volumeName(name: string, kind: 'shared' | 'own', number: number | null): string {
  return kind === 'own' && number !== null ? `${name}-${number}` : name
}

/** Volumes, memory and what is seen of the host, in the long syntax, which both read alike. */
export function volumesOf({ workload: { container }, number }: Service): Tree[] {
  const { mounts, readOnly, host } = container
  const volumes = mounts.map((mount): Tree => {
    const { name, path, kind, sizeBytes } = mount
    if (kind === 'memory') return memory(path, sizeBytes)
    return { type: 'volume', source: volumeName(name, kind, number), target: path }
  })
  // It may write nowhere else; what is in memory counts to its memory.
  if (readOnly && !mounts.some(({ path }) => path === '/tmp')) volumes.push(memory('/tmp', null))
  for (const { path, at } of host?.paths ?? []) {
    volumes.push({ type: 'bind', source: path, target: at, read_only: true })
  }
  return volumes
}

export function memory(path: string, sizeBytes: number | null): Tree {
  return { type: 'tmpfs', target: path, ...(sizeBytes === null ? {} : { tmpfs: { size: sizeBytes } }) }
}

export interface Volume {
  readonly name: string
  /** What will be in it; null where nothing is known. */
  readonly bytes: number | null
}

/** Every volume of the services once. What tiers share holds what each of them puts into it. */
export function volumeSizes(services: readonly Service[]): Volume[] {
  const parts = new Map<string, Map<string, number | null>>()
  for (const { workload, number } of services) {
    for (const { name, kind, sizeBytes } of workload.container.mounts) {
      if (kind === 'memory') continue
      const volume = volumeName(name, kind, number)
      const tiers = parts.get(volume) ?? new Map<string, number | null>()
      const before = tiers.get(workload.tier) ?? null
      tiers.set(workload.tier, sizeBytes === null ? before : Math.max(before ?? 0, sizeBytes))
      parts.set(volume, tiers)
    }
  }
  return [...parts].map(([name, tiers]) => ({ name, bytes: sum([...tiers.values()]) }))
}

function sum(parts: readonly (number | null)[]): number | null {
  const known = parts.filter((part) => part !== null)
  return known.length === 0 ? null : known.reduce((total, part) => total + part, 0)
}

/** Whether it keeps something in volumes of its own. */
export function hasOwnVolumes({ container }: Workload): boolean {
  return container.mounts.some(({ kind }) => kind === 'own')
}
