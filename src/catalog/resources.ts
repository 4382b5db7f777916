/** What a container reserves, from what a component thinks right and what the stack says in its place. */
import type { ResourceOverride } from '../stack/stack.ts'
import type { Resources } from './container.ts'

export interface Reservation {
  /** Cores. */
  readonly cpus: number
  readonly memoryBytes: number
  /** Where the numbers come from. */
  readonly because: string
  /** Cores that it may not go beyond. Default: no limit, so that idle cores help where they are needed. */
  readonly cpuLimit?: number
  /** Default: twice what is reserved, so that a peak is not an out-of-memory kill. */
  readonly memoryLimitBytes?: number
}

/** `override` (`resources:` in ragscale.yaml) is taken as written, for what is reserved and, of memory, for the limit. */
export function resources(reservation: Reservation, override: ResourceOverride = {}): Resources {
  const { cpus, memoryBytes, cpuLimit = null } = reservation
  const memoryLimitBytes = reservation.memoryLimitBytes ?? memoryBytes * 2
  const written = [
    ...(override.cpus === undefined ? [] : ['cpus']),
    ...(override.memoryBytes === undefined ? [] : ['memory']),
  ]
  const own = override.cpus !== undefined && override.memoryBytes !== undefined ? '' : reservation.because
  const said = written.length === 0 ? '' : `${written.join(' and ')} as ragscale.yaml says`
  return {
    request: { cpus: override.cpus ?? cpus, memoryBytes: override.memoryBytes ?? Math.ceil(memoryBytes) },
    limit: {
      cpus: override.cpus === undefined || cpuLimit === null ? cpuLimit : Math.max(cpuLimit, override.cpus),
      memoryBytes: override.memoryBytes ?? Math.ceil(memoryLimitBytes),
    },
    because: [said, own].filter((part) => part !== '').join('; '),
  }
}

export const mebibyte = 2 ** 20
export const gibibyte = 2 ** 30

/** Bytes for a comment: `4.6 GiB`, `512 MiB`. */
export function showBytes(bytes: number): string {
  return bytes >= gibibyte ? `${(bytes / gibibyte).toFixed(1)} GiB` : `${Math.ceil(bytes / mebibyte)} MiB`
}
