import { performance } from 'node:perf_hooks'
import { writeComparison } from '../../deployed/compare.ts'
import { ExitCode, UserError } from '../../errors.ts'
import type { ExecuteOptions } from '../target.ts'
import { removeChangeNote, writeChangeNote } from './change-note.ts'
import { Cluster } from './cluster.ts'
import { Follower } from './follow.ts'
import { removeLastPlace, writeLastPlace } from './last-place.ts'
import { managerLabel, releaseLabel } from './objects.ts'
import { PatientCluster } from './patient-cluster.ts'
import type { Place } from './place.ts'
import { ClusterUnreachable, ProgramFailed, type Programs } from './programs.ts'
import { helmAt, kubectlAt } from './release.ts'
import type { Roles } from './replicas.ts'
import { secretManifest } from './secrets.ts'
import type { KubernetesStep, SecretPlan } from './steps.ts'
import { refusedByHelm, withChart } from './wanted.ts'

/** Helm was cut off by a cluster that went away: what there is to do now has to be looked at again. */
class CutOff extends Error {}

/** Beyond the time that kubectl is given to wait in. */
const graceMs = 10_000

/** Does what was planned. What it changes stays as far as it came, whatever happens: the next `up` goes on. */
export class Execution {
  readonly #programs: Programs
  readonly #stateFolder: string
  readonly #roles: Roles
  readonly #options: ExecuteOptions
  readonly #deadlineMs: number
  readonly #done: string[] = []

  constructor(programs: Programs, stateFolder: string, roles: Roles, options: ExecuteOptions) {
    this.#programs = programs
    this.#stateFolder = stateFolder
    this.#roles = roles
    this.#options = options
    this.#deadlineMs = performance.now() + options.timeoutMs
  }

  async run(steps: readonly KubernetesStep[]): Promise<void> {
    try {
      for (const step of steps) {
        if (step.kind === 'await' || step.kind === 'part') continue
        this.#options.signal.throwIfAborted()
        await this.#step(step)
        this.#done.push(step.what)
      }
      await this.#await(steps)
    } catch (error) {
      if (error instanceof CutOff) return
      if (this.#options.signal.aborted) throw this.#interrupted(steps)
      throw error
    }
  }

  async #step(step: Exclude<KubernetesStep, { kind: 'await' | 'part' }>): Promise<void> {
    const { signal, onProgress } = this.#options
    switch (step.kind) {
      case 'write':
        await writeComparison(step.comparison)
        return
      case 'namespace':
        return await this.#makeNamespace(step.place, step.release)
      case 'secret':
        return await this.#secret(step.secret)
      case 'rollback': {
        const args = ['rollback', step.release, String(step.revision), ...helmAt(step.place)]
        return await this.#helm(args, step.release, step.place)
      }
      case 'uninstall':
        return await this.#helm(
          ['uninstall', step.release, '--ignore-not-found', ...helmAt(step.place)],
          step.release,
          step.place,
        )
      case 'upgrade':
        return await this.#upgrade(step)
      case 'delete':
        return await this.#delete(step)
      case 'await-end':
        await new Follower(step.release, this.#patient(step.place), this.#roles, onProgress).untilGone(
          signal,
          this.#deadlineMs,
        )
        await removeLastPlace(this.#stateFolder)
        return
    }
  }

  /** kubectl waits until it is gone, and says itself when that takes too long: the cluster answers all the while. */
  async #delete({ objects, place }: Extract<KubernetesStep, { kind: 'delete' }>): Promise<void> {
    const { signal } = this.#options
    await this.#patient(place).ask(async () => {
      const timeoutMs = this.#leftMs()
      const within = ['--timeout', `${Math.ceil(timeoutMs / 1000)}s`]
      const args = ['delete', ...objects, '--ignore-not-found', ...within, ...kubectlAt(place)]
      try {
        await this.#programs.run('kubectl', args, { signal, timeoutMs: timeoutMs + graceMs })
      } catch (error) {
        const isHeld = error instanceof ProgramFailed && /timed out waiting/.test(error.said)
        throw isHeld ? heldBack(objects, place, error) : error
      }
    })
  }

  /** All at once: each of them has its own time, and one that fails ends the waiting for all. */
  async #await(steps: readonly KubernetesStep[]): Promise<void> {
    const waits = steps.filter((step) => step.kind === 'await')
    const [first] = waits
    if (first === undefined) return
    const { signal, onProgress } = this.#options
    const follower = new Follower(first.release, this.#patient(first.place), this.#roles, onProgress)
    await follower.untilReady(
      waits.map(({ awaited }) => awaited),
      signal,
      this.#deadlineMs,
    )
  }

  async #upgrade(step: Extract<KubernetesStep, { kind: 'upgrade' }>): Promise<void> {
    const { release, place, chart, forces } = step
    const force = forces ? await this.#forceArgs() : []
    await writeLastPlace(this.#stateFolder, place)
    await withChart(chart, async (path, values) => {
      const args = ['upgrade', '--install', release, path, ...values, '--history-max', '10', ...force]
      try {
        await this.#helm([...args, ...helmAt(place)], release, place)
      } catch (error) {
        throw refusedByHelm(error, chart)
      }
    })
  }

  /** Helm 4 lets the API server merge, which then refuses to take back what somebody else has changed. */
  async #forceArgs(): Promise<string[]> {
    const version = await this.#programs.run('helm', ['version', '--template', '{{.Version}}'])
    return /^v?3\./.test(version) ? [] : ['--force-conflicts']
  }

  /** With a note on the disk of what is being done, for whoever finds it half done. @throws CutOff */
  async #helm(args: readonly string[], release: string, place: Place): Promise<void> {
    const { signal, onProgress } = this.#options
    await writeChangeNote(this.#stateFolder, release, place)
    try {
      await this.#programs.run('helm', args, { signal, timeoutMs: this.#leftMs() })
    } catch (error) {
      // The note stays: the release may be pending, and nobody is at it.
      if (signal.aborted) throw error
      if (error instanceof ClusterUnreachable) {
        onProgress({ kind: 'note', text: `helm ${args[0] ?? ''} was cut off: ${error.message}` })
        await this.#patient(place).back()
        throw new CutOff()
      }
      await removeChangeNote(this.#stateFolder)
      throw error
    }
    await removeChangeNote(this.#stateFolder)
  }

  async #makeNamespace(place: Place, release: string): Promise<void> {
    const { namespace, context } = place
    const manifest = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: namespace,
        labels: { [managerLabel]: 'ragscale', [releaseLabel]: release },
      },
    }
    await this.#create(place, ['create', '--filename', '-', '--context', context], JSON.stringify(manifest))
  }

  async #secret(plan: SecretPlan): Promise<void> {
    const input = JSON.stringify(await secretManifest(plan))
    const args = plan.exists
      ? ['patch', 'secret', plan.name, '--type', 'merge', '--patch-file', '/dev/stdin']
      : ['create', '--filename', '-']
    await this.#create(plan.place, [...args, ...kubectlAt(plan.place)], input)
  }

  /** Also where the API server goes away after it has made it, and before it says so. */
  async #create(place: Place, args: readonly string[], input: string): Promise<void> {
    let attempts = 0
    await this.#patient(place).ask(async () => {
      attempts++
      try {
        await this.#programs.run('kubectl', args, { input })
      } catch (error) {
        const isMade = error instanceof ProgramFailed && /AlreadyExists/.test(error.said)
        if (!(isMade && attempts > 1)) throw error
      }
    })
  }

  #patient(place: Place): PatientCluster {
    const { signal, onProgress } = this.#options
    return new PatientCluster(new Cluster(place, this.#programs), {
      signal,
      onProgress,
      deadlineMs: this.#deadlineMs,
    })
  }

  #interrupted(steps: readonly KubernetesStep[]): UserError {
    const left = steps
      .filter(({ kind }) => kind !== 'part')
      .map(({ what }) => what)
      .filter((what) => !this.#done.includes(what))
    const done = this.#done.length === 0 ? 'nothing was finished' : `done: ${this.#done.join(', ')}`
    return new UserError(
      `Interrupted. The stack stays as far as it came; ${done}; not finished: ${left.join(', ')}.`,
      {
        hint: 'ragscale up goes on from there, ragscale status shows where',
        exitCode: ExitCode.interrupted,
        code: 'interrupted',
      },
    )
  }

  #leftMs(): number {
    const leftMs = Math.round(this.#deadlineMs - performance.now())
    return Math.max(1_000, Math.min(2 ** 31 - 1, leftMs))
  }
}

/** Marked to go, and kept by whoever has to let go of it first. */
function heldBack(objects: readonly string[], place: Place, cause: ProgramFailed): UserError {
  return new UserError(`${objects.join(', ')} did not go in time: something still holds what is to go`, {
    hint: `kubectl ${kubectlAt(place).join(' ')} describe ${objects.join(' ')}   shows what: a pod that mounts it, or a finalizer. The same command goes on from there.`,
    exitCode: ExitCode.unhealthy,
    code: 'held',
    cause,
  })
}
