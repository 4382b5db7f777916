/** What state a container is in, in the words that every target uses, and why. Pure. */
import { showBytes } from '../../catalog/resources.ts'
import type { ReplicaCondition } from '../target.ts'
import type { FoundContainer } from './containers.ts'

export interface Condition {
  readonly state: ReplicaCondition
  readonly because: string | null
}

/** From so many restarts on it is not coming up by itself. */
const mostRestarts = 3

/** A server that should go on running. `sinceRestarts`: how many restarts it had when somebody began to look. */
export function conditionOf(container: FoundContainer, sinceRestarts = 0): Condition {
  const { status, health, restarts } = container
  const fresh = restarts - sinceRestarts
  switch (status) {
    case 'created':
      return container.error === ''
        ? { state: 'waiting', because: 'waits for what it needs' }
        : { state: 'failing', because: container.error }
    case 'running':
      if (fresh >= mostRestarts && health !== 'healthy') {
        return { state: 'failing', because: `it ended ${fresh} times: ${endOf(container)}` }
      }
      if (health === 'starting') return { state: 'starting', because: null }
      if (health === 'unhealthy') {
        const says = container.healthSays
        return { state: 'unhealthy', because: `its health check fails${says === null ? '' : `: ${says}`}` }
      }
      return { state: 'healthy', because: null }
    case 'paused':
      return { state: 'unhealthy', because: 'it is paused: docker unpause' }
    case 'restarting':
      return fresh >= mostRestarts
        ? { state: 'failing', because: `it ended ${fresh} times: ${endOf(container)}` }
        : { state: 'restarting', because: endOf(container) }
    case 'removing':
      return { state: 'stopping', because: null }
    case 'exited':
    case 'dead':
      return { state: 'failing', because: container.error === '' ? endOf(container) : container.error }
  }
}

/** A job that should run to its end; `completed` where it has. */
export function jobConditionOf(container: FoundContainer): Condition | 'completed' {
  const { status, exitCode, restarts, mostRestarts: most } = container
  if (status === 'exited' && exitCode === 0) return 'completed'
  if (status === 'running') {
    const again = restarts === 0 ? '' : `, try ${restarts + 1}${most === null ? '' : ` of ${most + 1}`}`
    return { state: 'starting', because: `runs${again}` }
  }
  if (status === 'restarting') {
    return { state: 'restarting', because: `${endOf(container)}; it is tried again` }
  }
  return conditionOf(container)
}

/** How a container ended, in words. */
export function endOf({
  oomKilled,
  exitCode,
  memoryLimitBytes,
}: Pick<FoundContainer, 'oomKilled' | 'exitCode' | 'memoryLimitBytes'>): string {
  if (oomKilled) {
    const limit = memoryLimitBytes === null ? '' : ` of ${showBytes(memoryLimitBytes)}`
    return `it ran out of its memory${limit} and was killed (OOM)`
  }
  switch (exitCode) {
    case 0:
      return 'it ended by itself (exit 0)'
    case 125:
    case 126:
    case 127:
      return `its command could not be started (exit ${exitCode})`
    case 137:
      return 'it was killed (exit 137)'
    case 139:
      return 'it crashed (exit 139, SIGSEGV)'
    case 143:
      return 'it was told to end (exit 143, SIGTERM)'
    default:
      return `it ended with exit ${exitCode}`
  }
}
