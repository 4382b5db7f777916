/** Watches the services of a stack while they change, and tells every change of a replica once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, UserError } from '../../errors.ts'
import type { Engine } from '../docker/engine.ts'
import { lastLines } from '../docker/logs.ts'
import type { Progress, ReplicaState } from '../target.ts'
import { type FoundService, type FoundSwarm, findSwarm } from './found.ts'
import type { WantedService } from './model.ts'
import { unsettled } from './plan-up.ts'
import { type Replica, isAlive, isCurrent, isFailure, replicasIn, slotsOf } from './tasks.ts'
import { taskWords } from './words.ts'

const everyMs = 500
/** No room on any node, for so long: none comes by itself. */
const noRoomMs = 20_000
/** What a task lacks it may get: no swarm says what waits for what. Beyond this many failures it does not. */
const hopelessFailures = 5
const shownLines = 20

export interface Watched {
  readonly engine: Engine
  readonly stack: string
  readonly node: string
  readonly services: readonly WantedService[]
  readonly onProgress: (progress: Progress) => void
}

export class Follower {
  readonly #watched: Watched
  readonly #seen = new Map<string, ReplicaState>()
  readonly #said = new Map<string, string>()
  readonly #tasksBefore = new Set<string>()
  readonly #pendingSince = new Map<string, number>()
  readonly #updatesBefore = new Map<string, string>()
  #awaited: ReadonlySet<string> = new Set()

  constructor(watched: Watched) {
    this.#watched = watched
  }

  /** Takes in what is there already: of it only changes are told, and only what comes later counts. */
  async begin(awaited: ReadonlySet<string>): Promise<void> {
    this.#awaited = awaited
    const swarm = await this.#look()
    for (const task of swarm.tasks) if (isFailure(task)) this.#tasksBefore.add(task.id)
    for (const { name, update } of swarm.services)
      if (update !== null) this.#updatesBefore.set(name, update.startedAt)
    for (const replica of this.#replicas(swarm)) this.#seen.set(replica.name, replica)
  }

  /** @throws UserError (exit 4) when one is rolled back, or has no hope, or time is up; the signal's reason when interrupted */
  async untilSettled(signal: AbortSignal, deadlineMs: number): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const swarm = await this.#look()
      const replicas = this.#replicas(swarm)
      this.#tell(replicas)
      const waiting = [...this.#awaited].flatMap((name): { name: string; why: string }[] => {
        const service = swarm.services.find((one) => one.name === name)
        if (service === undefined) return [{ name, why: 'the swarm has not made it yet' }]
        this.#update(service, swarm)
        const why = unsettled(service, { swarm })
        return why === null ? [] : [{ name, why }]
      })
      if (waiting.length === 0) return
      const own = replicas.filter(({ service }) => waiting.some(({ name }) => name === service))
      const hopeless = own.find((replica) => this.#isHopeless(replica))
      if (hopeless !== undefined) throw await this.#neverHealthy(hopeless, 'does not come up')
      if (performance.now() > deadlineMs) {
        const late = own.find(({ state }) => state !== 'healthy' && state !== 'stopping')
        if (late !== undefined) throw await this.#neverHealthy(late, 'did not become healthy in time')
        throw unhealthy(waiting.map(({ name, why }) => `${name} is not there in time: ${why}`).join('; '), '')
      }
      await sleep(everyMs, undefined, { signal })
    }
  }

  /** Until no task of these services is left. @throws UserError (exit 4) when time is up */
  async untilGone(services: ReadonlySet<string>, signal: AbortSignal, deadlineMs: number): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const { tasks, nodes } = await this.#look()
      const left = tasks.filter(({ service, state }) => services.has(service) && isAlive(state))
      if (left.length === 0) return
      if (performance.now() > deadlineMs) {
        const on = nodes.filter(({ id }) => left.some(({ node }) => node === id))
        const where = on
          .map(({ name, away }) => (away === null ? name : `${name}, which is ${away}`))
          .join('; ')
        const lost = on.find(({ away }) => away === 'down')
        throw unhealthy(
          `${left.length} ${left.length === 1 ? 'container does' : 'containers do'} not end${where === '' ? '' : ` on ${where}`}`,
          lost === undefined
            ? 'ragscale down goes on from there'
            : `Start its engine again, or where it is gone for good: docker node rm --force ${lost.name}. ragscale down then goes on from there.`,
        )
      }
      await sleep(everyMs, undefined, { signal })
    }
  }

  gone(service: string): void {
    for (const [name, replica] of this.#seen) {
      if ((replica as Replica).service !== service) continue
      this.#seen.delete(name)
      this.#watched.onProgress({ kind: 'gone', name })
    }
  }

  async #look(): Promise<FoundSwarm> {
    const { engine, stack, node } = this.#watched
    return await findSwarm(engine, stack, node)
  }

  #replicas(swarm: FoundSwarm): Replica[] {
    return replicasIn(swarm, this.#watched.services)
  }

  #tell(replicas: readonly Replica[]): void {
    for (const replica of replicas) {
      const before = this.#seen.get(replica.name)
      this.#seen.set(replica.name, replica)
      if (before?.state === replica.state && before.because === replica.because) continue
      this.#watched.onProgress({ kind: 'replica', replica })
    }
    for (const name of this.#seen.keys()) {
      if (replicas.some((replica) => replica.name === name)) continue
      this.#seen.delete(name)
      this.#watched.onProgress({ kind: 'gone', name })
    }
  }

  /** How far a rolling update is, once for each step of it. @throws UserError (exit 4) when it was rolled back or stopped */
  #update(service: FoundService, swarm: FoundSwarm): void {
    const { name, update } = service
    if (update === null || update.startedAt === this.#updatesBefore.get(name)) return
    switch (update.state) {
      case 'updating': {
        const slots = slotsOf(service, swarm)
        const done = slots.filter((tasks) =>
          tasks.some(
            (task) => task.state === 'running' && task.desired === 'running' && isCurrent(task, service),
          ),
        )
        this.#say(name, `${name}: rolling update, ${done.length} of ${slots.length} replaced`)
        return
      }
      case 'rollback_started':
        this.#say(
          name,
          `${name}: the update failed and is being rolled back: ${this.#whyRolledBack(service, swarm)}`,
        )
        return
      case 'rollback_completed':
        throw unhealthy(
          `${name} was rolled back to ${service.image}: ${this.#whyRolledBack(service, swarm)}`,
          `What ran before runs again. Correct ragscale.yaml, then ragscale up; docker service ps --no-trunc ${this.#watched.stack}_${name} shows the tries.`,
        )
      case 'paused':
      case 'rollback_paused':
        throw unhealthy(
          `the ${update.state === 'paused' ? 'update' : 'rollback'} of ${name} stopped half-way: ${update.message}`,
          `ragscale logs ${service.labels['com.ragscale.tier'] ?? name}; ragscale up tries again`,
        )
    }
  }

  #say(about: string, text: string): void {
    if (this.#said.get(about) === text) return
    this.#said.set(about, text)
    this.#watched.onProgress({ kind: 'note', text })
  }

  /** After it there is no word of the cause but what the newest failed tasks say. */
  #whyRolledBack(service: FoundService, swarm: FoundSwarm): string {
    const failed = swarm.tasks
      .filter((task) => task.service === service.id && isFailure(task) && !this.#tasksBefore.has(task.id))
      .toSorted((a, b) => b.createdAt - a.createdAt)[0]
    if (failed === undefined) return 'its new replicas did not become healthy'
    return taskWords(failed, { ...service, image: failed.image }, swarm.nodes) ?? 'its new replicas ended'
  }

  #isHopeless({ state, tries, failures }: Replica): boolean {
    const [newest] = tries
    // Also beside an old one that still runs: the new one that is to take its place finds none.
    if (newest?.state === 'pending' && newest.error !== '') {
      // By this machine's clock, and since it is looked for: what was there before is replaced first.
      const since = this.#pendingSince.get(newest.id) ?? performance.now()
      this.#pendingSince.set(newest.id, since)
      return performance.now() - since > noRoomMs
    }
    if (state === 'healthy') return false
    return failures.filter(({ id }) => !this.#tasksBefore.has(id)).length >= hopelessFailures
  }

  /** Of its newest try that wrote anything, on this engine's own node. */
  async #lastLines({ tries }: Replica): Promise<string[]> {
    for (const { container } of tries) {
      if (container === null) continue
      const lines = await lastLines(this.#watched.engine, container, { lines: shownLines })
      if (lines.length > 0) return lines
    }
    return []
  }

  async #neverHealthy(replica: Replica, what: string): Promise<UserError> {
    const lines = replica.task.state === 'running' ? [] : await this.#lastLines(replica)
    const log =
      lines.length === 0 ? '' : `\n  its last lines:${lines.map((line) => `\n    | ${line}`).join('')}`
    const why = replica.because ?? replica.newest
    const because = why === null ? '' : `: ${why}`
    return unhealthy(
      `${replica.name} ${what}${because}${log}`,
      `ragscale logs ${replica.tier}, then ragscale up to go on or ragscale down to stop what runs`,
    )
  }
}

function unhealthy(message: string, hint: string): UserError {
  return new UserError(message, {
    ...(hint === '' ? {} : { hint }),
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}
