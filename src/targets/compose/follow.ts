/** Watches containers while they come up, and tells every change of a replica once. */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, UserError } from '../../errors.ts'
import type { Topology } from '../../render/topology.ts'
import { answers, isAway } from '../docker/away.ts'
import { endOf, jobConditionOf } from '../docker/condition.ts'
import { type FoundContainer, containerWith, containersWith } from '../docker/containers.ts'
import { type Engine, engineGone } from '../docker/engine.ts'
import { EventWatch } from '../docker/events.ts'
import { halfStarted, isHalfStarted } from '../docker/half-started.ts'
import { loadingOf } from '../docker/loading.ts'
import { lastLines } from '../docker/logs.ts'
import { type Restarted, Restarts } from '../docker/restarts.ts'
import { neverHealthy } from '../never-healthy.ts'
import type { Progress, ReplicaState } from '../target.ts'
import { identityOf, projectLabel, serviceOf } from './found.ts'
import { replicaOf } from './observe.ts'
import { LateChecks, lateCheck } from './late-checks.ts'
import type { Places } from './places.ts'
import { portTaken } from './tool-failure.ts'
import type { WantedService } from './wanted.ts'

/** Between two looks: while the engine tells what happens, and while it does not. */
const heardMs = 2_000
const unheardMs = 400
/** Of what happens at once one look shows all. */
const settleMs = 50
/** A look that takes longer is not answered. */
const lookMs = 20_000
/** From the end of its containers to the moment in which it takes no more requests, when an engine is stopped. */
const engineLastsMs = 1_500

export interface Watching {
  readonly engine: Engine
  readonly topology: Topology
  readonly places: Pick<Places, 'compose'>
  readonly onProgress: (progress: Progress) => void
}

/** Of each container its replica, in the same order. */
interface Looked {
  readonly containers: readonly FoundContainer[]
  readonly replicas: readonly ReplicaState[]
}

export class Follower {
  readonly #watching: Watching
  readonly #awaited: readonly WantedService[]
  readonly #among: (container: FoundContainer) => boolean
  readonly #seen = new Map<string, { state: string; because: string | null }>()
  readonly #before = new Map<string, number>()
  /** Containers as they were before anything was done about them: of these nobody is to blame. */
  #stale: ReadonlyMap<string, FoundContainer> = new Map()
  readonly #restarts = new Restarts()
  readonly #late = new LateChecks()
  #watch: EventWatch | null = null

  /** @param among of the containers of the awaited, those that are looked at */
  constructor(
    watching: Watching,
    awaited: readonly WantedService[],
    among: (container: FoundContainer) => boolean = () => true,
  ) {
    this.#watching = watching
    this.#awaited = awaited
    this.#among = among
  }

  /** To be called before anything is done about the awaited; `untilHealthy` has to follow. */
  async begin(): Promise<void> {
    const { engine, topology } = this.#watching
    // First, so that nothing happens unseen between the look and the listening.
    this.#watch = new EventWatch(engine, [`${projectLabel}=${topology.stack.name}`])
    try {
      const containers = await this.#containers()
      this.#stale = new Map(containers.map((container) => [container.id, container]))
      for (const { id, restarts } of containers) this.#restarts.found(id, restarts, true)
    } catch (error) {
      this.#watch.close()
      throw error
    }
  }

  /**
   * Waits until every awaited service has its containers, healthy or run to the end, and `done` says so too. Looks when
   * the engine tells of something, and now and then.
   * @throws UserError (exit 4) when one fails, or time is up, or the engine goes away; the signal's reason when
   * interrupted
   */
  async untilHealthy(signal: AbortSignal, deadlineMs: number, done: () => boolean): Promise<void> {
    const watch = this.#watch
    if (watch === null) throw new Error('begin comes before untilHealthy')
    try {
      for (;;) {
        const { events, gap } = watch.take()
        const looked = await this.#look()
        const restarted = events.map((event) => this.#restarts.add(event))
        const unheard = looked.containers.map(({ id, restarts }) => this.#restarts.found(id, restarts, !gap))
        for (const one of [...restarted, ...unheard]) if (one !== null) await this.#tellRestart(one)
        const blame = this.#blame(looked)
        if (blame !== null) {
          await this.assertEngineStays(signal)
          throw blame
        }
        const late = this.#awaited.filter((service) => !this.#isReady(service, looked.containers))
        if (late.length === 0 && done()) return
        if (performance.now() > deadlineMs) throw await this.#tooLate(looked.replicas, late)
        await watch.next(watch.listening && late.length > 0 ? heardMs : unheardMs, signal)
        await sleep(settleMs, undefined, { signal })
      }
    } finally {
      watch.close()
    }
  }

  /**
   * An engine that is being stopped ends its containers: then neither they are to blame nor who was starting them.
   * @throws EngineAway
   */
  async assertEngineStays(signal: AbortSignal): Promise<void> {
    const { engine } = this.#watching
    const untilMs = performance.now() + engineLastsMs
    for (;;) {
      if (!(await answers(engine))) throw engineGone(new Error('it takes no requests'))
      if (performance.now() > untilMs) return
      await sleep(settleMs, undefined, { signal })
    }
  }

  /** What is wrong with a container, as it is now; null: with none of them. */
  async blamed(): Promise<UserError | null> {
    return this.#blame(await this.#look())
  }

  /**
   * After something gave up on containers: whether it did so as their health checks were late, and waits until they are
   * answered again. Nothing is late for ever: `untilHealthy` ends then.
   */
  async outlasts(signal: AbortSignal): Promise<boolean> {
    let late = await this.#anyLate()
    if (!this.#late.takeAnew()) return false
    while (late) {
      await sleep(unheardMs, undefined, { signal })
      late = await this.#anyLate()
    }
    return (await this.blamed()) === null
  }

  async #anyLate(): Promise<boolean> {
    const { replicas } = await this.#look()
    return replicas.some(({ because }) => because === lateCheck)
  }

  /** What a container went through that runs again, which nobody would see in its state. */
  async #tellRestart({ container, exitCode, oomKilled, times }: Restarted): Promise<void> {
    const { engine, onProgress } = this.#watching
    const found = await containerWith(engine, container)
    if (found === null) return
    const how = exitCode === null ? 'it had ended' : endOf({ ...found, exitCode, oomKilled })
    const again = times > 1 ? `, ${times} times by now` : ''
    onProgress({
      kind: 'note',
      text: `${identityOf(found).name} was started again by the engine${again}: ${how}`,
    })
  }

  #blame({ containers, replicas }: Looked): UserError | null {
    const index = replicas.findIndex(({ state }) => state === 'failing' || state === 'unhealthy')
    const failing = replicas[index]
    if (failing === undefined) return null
    const taken = portTaken(failing.because ?? '', this.#watching.places)
    if (taken !== null) return taken
    const container = containers[index]
    if (container !== undefined && isHalfStarted(container.error))
      return halfStarted(failing.name, container.name)
    const told = container !== undefined && wasToldToEnd(container)
    return neverHealthy(
      told ? { ...failing, because: `${failing.because}; ${toldToEnd}` } : failing,
      'does not come up',
    )
  }

  async #containers(): Promise<FoundContainer[]> {
    const { engine, topology } = this.#watching
    const names = new Set(this.#awaited.map(({ name }) => name))
    const all = await containersWith(engine, [`${projectLabel}=${topology.stack.name}`])
    return all.filter((one) => names.has(serviceOf(one)) && this.#among(one))
  }

  /** @throws EngineAway */
  async #look(): Promise<Looked> {
    for (;;) {
      try {
        return await within(lookMs, this.#lookOnce())
      } catch (error) {
        if (!isAway(error)) throw error
        const { engine } = this.#watching
        // One connection that broke is nothing; it is made anew.
        await sleep(settleMs)
        if (!(await answers(engine))) throw engineGone(error)
      }
    }
  }

  async #lookOnce(): Promise<Looked> {
    const { engine, topology, onProgress } = this.#watching
    const containers = await this.#containers()
    const replicas: ReplicaState[] = []
    for (const container of containers) {
      const since = this.#before.get(container.id) ?? container.restarts
      this.#before.set(container.id, since)
      const replica = await this.#loading(
        this.#told(await replicaOf(container, topology, engine, since), container),
        container,
      )
      replicas.push(replica)
      const before = this.#seen.get(container.id)
      this.#seen.set(container.id, replica)
      if (before?.state === replica.state && before.because === replica.because) continue
      onProgress({ kind: 'replica', replica })
    }
    return { containers, replicas }
  }

  /** What starts says in its log how far it is. */
  async #loading(replica: ReplicaState, { id }: FoundContainer): Promise<ReplicaState> {
    if (replica.state !== 'starting' || replica.because === lateCheck) return replica
    const says = loadingOf(await lastLines(this.#watching.engine, id, { lines: 10 }))
    return says === null ? replica : { ...replica, because: says }
  }

  /** With what only its own service can say. */
  #told(replica: ReplicaState, container: FoundContainer): ReplicaState {
    const service = this.#awaited.find(({ name }) => name === serviceOf(container))
    const isSick = replica.state === 'failing' || replica.state === 'unhealthy'
    if (isSick && this.#isStale(container)) {
      return { ...replica, state: 'waiting', because: 'is about to be started again', lastLines: [] }
    }
    if (this.#late.isLate(container)) {
      return { ...replica, state: 'starting', because: lateCheck, lastLines: [] }
    }
    if (replica.state === 'completed' && this.#isStale(container)) {
      return { ...replica, state: 'waiting', because: 'is about to run again' }
    }
    if (replica.state === 'waiting' && service !== undefined) {
      const waits = service.after.map(({ service: other }) => other)
      const because = waits.length === 0 ? 'is about to start' : `waits for ${waits.join(', ')}`
      return { ...replica, because }
    }
    return replica
  }

  /** It is as it was found, or has only been stopped since, to be replaced. */
  #isStale(now: FoundContainer): boolean {
    const before = this.#stale.get(now.id)
    if (before === undefined) return false
    if (signatureOf(before) === signatureOf(now)) return true
    const isEnded = now.status === 'exited' || now.status === 'dead'
    return isEnded && before.startedAt === now.startedAt && before.error === now.error
  }

  #isReady(service: WantedService, containers: readonly FoundContainer[]): boolean {
    const own = containers.filter((one) => serviceOf(one) === service.name)
    if (own.length < service.replicas) return false
    return own.every((one) => {
      if (service.job) return jobConditionOf(one) === 'completed'
      return one.status === 'running' && (one.health === null || one.health === 'healthy')
    })
  }

  async #tooLate(replicas: readonly ReplicaState[], late: readonly WantedService[]): Promise<UserError> {
    const waiting = replicas.filter(({ state }) => state !== 'healthy' && state !== 'completed')
    // Who waits for another is not to blame for it.
    const blamed = waiting.find(({ state }) => state !== 'waiting') ?? waiting[0]
    if (blamed !== undefined) {
      const { engine } = this.#watching
      const container = [...this.#seen.keys()].find((id) => this.#seen.get(id) === blamed)
      const lines = container === undefined ? [] : await lastLines(engine, container, { lines: 20 })
      return neverHealthy({ ...blamed, lastLines: lines }, 'did not become healthy in time')
    }
    return new UserError(`${late.map(({ name }) => name).join(', ')} did not start in time`, {
      hint: 'ragscale up --timeout 30m goes on; ragscale status shows what runs',
      exitCode: ExitCode.unhealthy,
      code: 'unhealthy',
    })
  }
}

/** An engine that is stopped goes on answering until the last of its containers has ended, which may take minutes. */
const toldToEnd = 'somebody stopped it, or the Docker engine is being stopped'

/** The engine starts again what ended by itself; what stays ended, somebody stopped. */
function wasToldToEnd({ status, exitCode, oomKilled, mostRestarts }: FoundContainer): boolean {
  return status === 'exited' && mostRestarts === null && !oomKilled && [0, 137, 143].includes(exitCode)
}

/** @throws EngineAway when it takes longer */
async function within<T>(ms: number, doing: Promise<T>): Promise<T> {
  const late = new AbortController()
  const giveUp = sleep(ms, undefined, { signal: late.signal }).then(() => {
    throw engineGone(new Error(`no answer within ${ms} ms`))
  })
  try {
    return await Promise.race([doing, giveUp])
  } finally {
    late.abort()
    giveUp.catch(() => {})
  }
}

function signatureOf({ status, health, startedAt, finishedAt, error }: FoundContainer): string {
  return [status, health, startedAt, finishedAt, error].join(' ')
}
