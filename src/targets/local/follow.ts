import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, UserError } from '../../errors.ts'
import type { SupervisorStatus } from '../../supervision.ts'
import { neverHealthy } from '../never-healthy.ts'
import type { Progress, ReplicaState } from '../target.ts'
import { type ControlClient, Unreachable } from './control-client.ts'
import { replicaOf } from './observe.ts'

const everyMs = 100

/**
 * Watches a supervisor and tells every change of a replica once. What was there before is told of only when it
 * changes, or when it is one of those `awaited`.
 */
export class Follower {
  readonly #client: ControlClient
  readonly #onProgress: (progress: Progress) => void
  readonly #awaited: readonly string[]
  readonly #seen = new Map<string, ReplicaState>()
  #isFirst = true

  constructor(
    client: ControlClient,
    onProgress: (progress: Progress) => void,
    awaited: readonly string[] = [],
  ) {
    this.#client = client
    this.#onProgress = onProgress
    this.#awaited = awaited
  }

  async look(): Promise<SupervisorStatus> {
    const status = await this.#client.status()
    const now = new Map(status.processes.map((process) => [process.wanted.id, replicaOf(process)]))
    for (const [id, replica] of now) {
      const before = this.#seen.get(id)
      this.#seen.set(id, replica)
      if (before?.state === replica.state && before.because === replica.because) continue
      if (this.#isFirst && !this.#awaited.includes(id)) continue
      this.#onProgress({ kind: 'replica', replica })
    }
    for (const [id, { name }] of this.#seen) {
      if (now.has(id)) continue
      this.#seen.delete(id)
      this.#onProgress({ kind: 'gone', name })
    }
    this.#isFirst = false
    return status
  }

  allGone(): void {
    for (const { name } of this.#seen.values()) this.#onProgress({ kind: 'gone', name })
    this.#seen.clear()
  }

  /** Waits for the awaited. @throws UserError (exit 4) when one is failing, or time is up; the signal's reason when interrupted */
  async untilHealthy(signal: AbortSignal, deadlineMs: number): Promise<void> {
    const ids = this.#awaited
    for (;;) {
      const { processes } = await this.#lookOrExplain()
      const awaited = processes.filter((process) => ids.includes(process.wanted.id))
      if (awaited.length === ids.length && awaited.every(({ state }) => state === 'healthy')) return
      const failing = processes.find(({ state }) => state === 'failing')
      if (failing !== undefined) throw neverHealthy(replicaOf(failing), 'keeps failing')
      if (performance.now() > deadlineMs) {
        // Who waits for another is not to blame for it.
        const late = awaited.filter(({ state }) => state !== 'healthy')
        const blamed = late.find(({ state }) => state !== 'waiting') ?? late[0]
        if (blamed !== undefined) throw neverHealthy(replicaOf(blamed), 'did not become healthy in time')
      }
      await sleep(everyMs, undefined, { signal })
    }
  }

  async #lookOrExplain(): Promise<SupervisorStatus> {
    try {
      return await this.look()
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
      throw new UserError('the supervisor of this stack went away while it was bringing it up', {
        hint: 'ragscale up starts it again; ragscale logs shows what was written',
        exitCode: ExitCode.unhealthy,
        code: 'unhealthy',
        cause: error,
      })
    }
  }
}
