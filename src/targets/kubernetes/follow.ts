import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, UserError } from '../../errors.ts'
import type { Progress } from '../target.ts'
import { workloadOf } from './change-words.ts'
import type { Running } from './cluster.ts'
import { lastLinesOf } from './logs.ts'
import { type KubeEvent, titleOf } from './objects.ts'
import { statesOf, surroundingsOf } from './observe.ts'
import type { PatientCluster } from './patient-cluster.ts'
import { type PodState, type Roles, isReplica, replicaOf } from './replicas.ts'
import { standingOf } from './rollout-status.ts'
import type { AwaitedTier } from './steps.ts'
import { troubleOf } from './trouble.ts'

const everyMs = 1_000
/** All of a large cluster's pods are asked for: seldom. */
const everyPendingMs = 5_000
/** A registry or a neighbour that fails once may do better the next time. */
const failingForMs = 10_000

/** Watches a release and tells every change of a replica once. */
export class Follower {
  readonly #release: string
  readonly #cluster: PatientCluster
  readonly #roles: Roles
  readonly #onProgress: (progress: Progress) => void
  readonly #told = new Map<string, string>()
  /** Since when each replica is failing; on `performance.now()`. */
  readonly #failing = new Map<string, number>()
  #isFirst = true

  constructor(
    release: string,
    cluster: PatientCluster,
    roles: Roles,
    onProgress: (progress: Progress) => void,
  ) {
    this.#release = release
    this.#cluster = cluster
    this.#roles = roles
    this.#onProgress = onProgress
  }

  /**
   * Resolves when each awaited workload is as it was asked for.
   * @throws UserError (exit 4) when one is failing, cannot be made, or its time or all the time is up
   */
  async untilReady(awaited: readonly AwaitedTier[], signal: AbortSignal, deadlineMs: number): Promise<void> {
    const beganMs = performance.now()
    const names = new Set(awaited.map(({ workload }) => workload))
    for (;;) {
      const { found, events, states } = await this.#look()
      const own = states.filter(({ pod }) => names.has(workloadOf(pod)))
      const late = awaited.filter(({ workload }) => !isThere(workload, found, events, own))
      this.#tellMissing(found, events, names)
      if (late.length === 0) return
      await this.#stopIfFailing(own)
      stopIfStuck(found, events, names)
      const nowMs = performance.now()
      const overdue = late.find((tier) => nowMs - beganMs > tier.deadlineMs)
      if (overdue !== undefined || nowMs > deadlineMs) {
        throw await this.#tooLate(overdue === undefined ? late : [overdue], own, found, events)
      }
      const isPending = states.some(({ state }) => state === 'waiting')
      await sleep(isPending ? everyPendingMs : everyMs, undefined, { signal })
    }
  }

  /** Resolves when no pod of the release is left. @throws UserError (exit 4) when the time is up */
  async untilGone(signal: AbortSignal, deadlineMs: number): Promise<void> {
    for (;;) {
      const { found, states } = await this.#look()
      if (found.pods.length === 0) return
      if (performance.now() > deadlineMs) {
        throw new UserError(`${states.map(({ name }) => name).join(', ')} did not end in time`, {
          hint: 'A node that does not answer keeps its pods: kubectl delete pod NAME --force',
          exitCode: ExitCode.unhealthy,
          code: 'unhealthy',
        })
      }
      await sleep(everyMs, undefined, { signal })
    }
  }

  async #look(): Promise<{ found: Running; events: readonly KubeEvent[]; states: PodState[] }> {
    const seen = await this.#cluster.ask(async (cluster) => {
      const found = await cluster.running(this.#release)
      const around = await surroundingsOf(found, cluster)
      return { found, around }
    })
    const states = statesOf(seen.found.pods, seen.around, this.#roles)
    for (const state of states) {
      const now = `${state.state} ${state.because ?? ''}`
      const before = this.#told.get(state.name)
      this.#told.set(state.name, now)
      if (before === now || (this.#isFirst && state.state === 'healthy')) continue
      const { pod: _, ...replica } = state
      this.#onProgress({ kind: 'replica', replica })
    }
    const done = seen.found.pods.filter((pod) => !isReplica(pod))
    for (const name of this.#told.keys()) {
      if (states.some((state) => state.name === name) || name.endsWith(missingName)) continue
      this.#told.delete(name)
      const isDone = done.some((pod) => replicaOf(pod, seen.around, this.#roles).name === name)
      this.#onProgress(isDone ? { kind: 'note', text: `${name} is done` } : { kind: 'gone', name })
    }
    this.#isFirst = false
    return { found: seen.found, events: seen.around.events, states }
  }

  /** Pods that there should be and that nobody could make have no line of their own. */
  #tellMissing(found: Running, events: readonly KubeEvent[], names: ReadonlySet<string>): void {
    for (const controller of found.controllers) {
      const { stuck } = standingOf(controller, events)
      const name = `${workloadOf(controller)}${missingName}`
      if (stuck === null || !names.has(workloadOf(controller)) || this.#told.get(name) === stuck) continue
      this.#told.set(name, stuck)
      this.#onProgress({ kind: 'note', text: `${workloadOf(controller)}: ${stuck}` })
    }
  }

  async #stopIfFailing(states: readonly PodState[]): Promise<void> {
    const nowMs = performance.now()
    for (const state of states) {
      if (state.state !== 'failing') {
        this.#failing.delete(state.name)
        continue
      }
      const sinceMs = this.#failing.get(state.name) ?? nowMs
      this.#failing.set(state.name, sinceMs)
      if (nowMs - sinceMs >= failingForMs) throw await this.#neverHealthy(state, 'is failing')
    }
  }

  async #tooLate(
    late: readonly AwaitedTier[],
    states: readonly PodState[],
    found: Running,
    events: readonly KubeEvent[],
  ): Promise<UserError> {
    const names = new Set(late.map(({ workload }) => workload))
    const unwell = states.filter(({ pod, state }) => names.has(workloadOf(pod)) && state !== 'healthy')
    // Who waits for a node is to blame before who waits for others.
    const blamed =
      unwell.find(({ state }) => state === 'failing' || state === 'restarting') ??
      unwell.find(({ state }) => state === 'waiting') ??
      unwell[0]
    if (blamed !== undefined) {
      const what = blamed.state === 'stopping' ? 'has not ended in time' : 'did not become healthy in time'
      return await this.#neverHealthy(blamed, what)
    }
    const controllers = found.controllers.filter((one) => names.has(workloadOf(one)))
    const [first] = controllers.filter((one) => !standingOf(one, events).done)
    const stuck = first === undefined ? null : standingOf(first, events).stuck
    return new UserError(
      `${[...names].join(', ')} did not become ready in time${stuck === null ? '' : `: ${stuck}`}`,
      {
        hint: 'ragscale status shows what runs; ragscale up goes on waiting (--timeout gives it longer)',
        exitCode: ExitCode.unhealthy,
        code: 'unhealthy',
      },
    )
  }

  async #neverHealthy({ name, because, pod }: PodState, what: string): Promise<UserError> {
    const trouble = troubleOf(pod)
    const lines = await this.#cluster.ask(
      async (cluster) => await lastLinesOf(pod, trouble?.log ?? null, cluster),
    )
    const shown = lines.length === 0 ? '' : `\n${lines.map((line) => `  | ${line}`).join('\n')}`
    return new UserError(`${name} ${what}${because === null ? '' : `: ${because}`}${shown}`, {
      hint:
        trouble?.cure ?? 'ragscale status shows all; ragscale up goes on waiting (--timeout gives it longer)',
      exitCode: ExitCode.unhealthy,
      code: 'unhealthy',
    })
  }
}

const missingName = ' (missing)'

function isThere(
  workload: string,
  { controllers }: Running,
  events: readonly KubeEvent[],
  states: readonly PodState[],
): boolean {
  const own = controllers.filter((one) => workloadOf(one) === workload)
  return (
    own.length > 0 &&
    own.every((controller) => standingOf(controller, events).done) &&
    states.every(({ pod, state }) => workloadOf(pod) !== workload || state === 'healthy')
  )
}

/** A job that has given up tries no more. */
function stopIfStuck(
  { controllers }: Running,
  events: readonly KubeEvent[],
  names: ReadonlySet<string>,
): void {
  for (const controller of controllers) {
    if (controller.kind !== 'Job' || !names.has(workloadOf(controller))) continue
    const { stuck } = standingOf(controller, events)
    if (stuck?.startsWith('it has failed') !== true) continue
    throw new UserError(`${workloadOf(controller)}: ${stuck}`, {
      hint: `kubectl logs ${titleOf(controller).replace('Job ', 'job/')}   shows why; ragscale up tries it again`,
      exitCode: ExitCode.unhealthy,
      code: 'unhealthy',
    })
  }
}
