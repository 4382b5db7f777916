/**
 * Replicas whose health checks were not answered in time while somebody waits for them. The engine calls such a one
 * unhealthy as it does one that refuses, and goes on asking: on a machine that is busy for a while the next check passes.
 */
import { performance } from 'node:perf_hooks'
import type { FoundContainer } from '../docker/containers.ts'

/** A machine that starts a whole stack is busy for less; one that hangs is not waited for much longer. */
const patienceMs = 60_000

export const lateCheck = 'its health checks are answered too late: the machine is busy, or it hangs'

export class LateChecks {
  /** By container: since when. */
  readonly #since = new Map<string, number>()
  readonly #now: () => number
  #anew = false

  /** @param now a clock in milliseconds that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** To be told of each look at a container. Returns whether it is late, and not for too long yet. */
  isLate({ id, status, health, checkLate }: FoundContainer): boolean {
    if (status !== 'running' || health !== 'unhealthy' || !checkLate) {
      this.#since.delete(id)
      return false
    }
    const since = this.#since.get(id)
    if (since !== undefined) return this.#now() - since < patienceMs
    this.#since.set(id, this.#now())
    this.#anew = true
    return true
  }

  /** Whether any has become late since this was asked before. */
  takeAnew(): boolean {
    const anew = this.#anew
    this.#anew = false
    return anew
  }
}
