/** A cluster whose API server may go away for a while, as when its node is upgraded. */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, UserError } from '../../errors.ts'
import type { Progress } from '../target.ts'
import type { Cluster } from './cluster.ts'
import { ClusterUnreachable } from './programs.ts'

const retryMs = 1_000

export class PatientCluster {
  readonly #cluster: Cluster
  readonly #onProgress: (progress: Progress) => void
  readonly #signal: AbortSignal
  /** On `performance.now()`. */
  readonly #deadlineMs: number

  constructor(
    cluster: Cluster,
    options: {
      readonly onProgress: (progress: Progress) => void
      readonly signal: AbortSignal
      readonly deadlineMs: number
    },
  ) {
    this.#cluster = cluster
    this.#onProgress = options.onProgress
    this.#signal = options.signal
    this.#deadlineMs = options.deadlineMs
  }

  /** Asks until somebody answers. @throws UserError (exit 4) when nobody does in time; the signal's reason */
  async ask<T>(question: (cluster: Cluster) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      this.#signal.throwIfAborted()
      try {
        const answer = await question(this.#cluster)
        if (attempt > 0) this.#say(`the API server answers again`)
        return answer
      } catch (error) {
        if (!(error instanceof ClusterUnreachable)) throw error
        if (performance.now() > this.#deadlineMs) throw unreachable(this.#cluster, error)
        const { context } = this.#cluster.place
        if (attempt === 0)
          this.#say(`the API server of context ${context} does not answer (${error.message}); waiting for it`)
      }
      await sleep(retryMs, undefined, { signal: this.#signal })
    }
  }

  /** Resolves when it answers. */
  async back(): Promise<void> {
    await this.ask(async (cluster) => await cluster.version())
  }

  #say(text: string): void {
    this.#onProgress({ kind: 'note', text })
  }
}

export function unreachable({ place }: Pick<Cluster, 'place'>, error: ClusterUnreachable): UserError {
  return new UserError(
    `the API server of context ${place.context} (${place.server}) does not answer: ${error.message}`,
    {
      hint: `kubectl --context ${place.context} get --raw /readyz   asks it; kubectl config get-contexts shows the others`,
      exitCode: ExitCode.unhealthy,
      code: 'unreachable',
      cause: error,
    },
  )
}
