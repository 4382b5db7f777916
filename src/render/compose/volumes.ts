/** Where containers keep what they write: volumes, memory, and what agents see of their host. */
import type { Mount } from '../../catalog/container.ts'
import type { Workload } from '../topology.ts'
import type { Tree } from './document.ts'
import type { Service } from './services.ts'

/**
 * The name of a mount's volume for one service. What is a workload's own begins with its name, where the catalogue says
 * the tier's (a read replica is not its primary), and ends with its number where each replica is a service.
 */
export function volumeName({ name, kind }: Mount, { workload, number }: Service): string {
  if (kind !== 'own') return name
  const prefix = `${workload.tier}-`
  const own = name.startsWith(prefix) ? `${workload.name}-${name.slice(prefix.length)}` : name
  return number === null ? own : `${own}-${number}`
}

/** Volumes, memory and what is seen of the host, in the long syntax, which both read alike. */
export function volumesOf(service: Service): Tree[] {
  const { mounts, readOnly, host } = service.workload.container
  const volumes = mounts.map((mount): Tree => {
    if (mount.kind === 'memory') return memory(mount.path, mount.sizeBytes)
    return { type: 'volume', source: volumeName(mount, service), target: mount.path }
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
  for (const service of services) {
    const { workload } = service
    for (const mount of workload.container.mounts) {
      const { kind, sizeBytes } = mount
      if (kind === 'memory') continue
      const volume = volumeName(mount, service)
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
