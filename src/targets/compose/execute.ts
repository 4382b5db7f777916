/** Does what was planned, and decides nothing. */
import { performance } from 'node:perf_hooks'
import { writeComparison } from '../../deployed/compare.ts'
import type { UserError } from '../../errors.ts'
import type { Topology } from '../../render/topology.ts'
import { answers, isAway } from '../docker/away.ts'
import { type FoundContainer, containersWith } from '../docker/containers.ts'
import type { Env } from '../docker/context.ts'
import { EngineAway, type Engine, engineGone } from '../docker/engine.ts'
import { checkAgain } from '../docker/health-checks.ts'
import { pullImage } from '../docker/pull.ts'
import type { ExecuteOptions } from '../target.ts'
import type { NodeAddress } from '../qdrant/call.ts'
import { removePeer } from '../qdrant/cluster.ts'
import { moveShard } from '../qdrant/transfer.ts'
import { numberOf, projectLabel } from './found.ts'
import { keyed, vectorKey, vectorNodes } from './vector-nodes.ts'
import { Follower } from './follow.ts'
import { interrupted } from './interrupted.ts'
import { type Maker, makerWith } from './maker.ts'
import type { Places } from './places.ts'
import { Router } from './router.ts'
import { removeState, writeState } from './state-folder.ts'
import { ignoringMissing } from './take-back.ts'
import { makeSecret } from './secret-files.ts'
import type { ActionOf, ComposeStep, RolledReplica } from './steps.ts'
import type { ComposeTool } from './tool.ts'
import type { WantedService } from './wanted.ts'

export interface Means {
  readonly engine: Engine
  readonly tool: ComposeTool
  readonly topology: Topology
  readonly places: Places
  readonly env: Env
  /** Nothing of the stack was there before, but for these volumes; null: something was. */
  readonly fresh: { readonly volumes: readonly string[] } | null
  /** Absolute paths of what Compose reads. */
  readonly files: () => Promise<readonly string[]>
}

export class Execution {
  readonly #means: Means
  readonly #options: ExecuteOptions
  readonly #deadlineMs: number
  readonly #done: string[] = []
  readonly #router: Router
  readonly #maker: Maker

  constructor(means: Means, options: ExecuteOptions) {
    this.#means = means
    const project = means.topology.stack.name
    this.#router = new Router(means.engine, project, means.places.state)
    this.#maker = makerWith({ ...means, project })
    this.#options = options
    this.#deadlineMs = performance.now() + options.timeoutMs
  }

  async run(steps: readonly ComposeStep[]): Promise<void> {
    try {
      for (const wave of Map.groupBy(steps, (step) => step.wave).values()) {
        this.#options.signal.throwIfAborted()
        await this.#wave(wave)
        this.#done.push(...wave.map(({ what }) => what))
      }
    } catch (error) {
      if (this.#options.signal.aborted) throw await interrupted(this.#means, steps, this.#done)
      if (error instanceof EngineAway) throw error
      // Whatever failed, it did so for that.
      if (isAway(error) || !(await answers(this.#means.engine))) throw engineGone(error)
      throw error
    }
  }

  async #wave(steps: readonly ComposeStep[]): Promise<void> {
    const applies = steps.filter((step): step is ActionOf<'apply'> => step.kind === 'apply')
    const restarts = steps.filter((step): step is ActionOf<'restart'> => step.kind === 'restart')
    await Promise.all(steps.map(async (step) => await this.#step(step)))
    if (applies.length + restarts.length > 0) await this.#bringUp(applies, restarts)
  }

  async #step(step: ComposeStep): Promise<void> {
    const { engine, places } = this.#means
    const { signal, onProgress } = this.#options
    switch (step.kind) {
      case 'write':
        await writeComparison(step.comparison)
        onProgress({ kind: 'note', text: `done: ${step.what}` })
        break
      case 'place':
        await writeState(places.state, step.files, step.removed, step.inPlace)
        break
      case 'reload':
        await this.#router.all(step, signal)
        onProgress({ kind: 'note', text: `done: ${step.what}` })
        break
      case 'route':
        await this.#router.only(step, step, signal)
        onProgress({ kind: 'note', text: `done: ${step.what}` })
        break
      case 'roll':
        for (const replica of step.replicas) await this.#replace(replica, step)
        break
      case 'secret':
        await makeSecret(places.secrets, step.name, step.empty)
        break
      case 'pull':
        await pullImage(engine, step.image, { ...this.#options, env: this.#means.env })
        break
      case 'build':
        onProgress({ kind: 'note', text: `building ${step.image} from deploy/image` })
        await this.#maker.image(step, signal)
        break
      case 'remove':
        await this.#remove(step)
        break
      case 'check':
        await checkAgain(engine, step, {
          timeoutMs: Math.max(0, this.#deadlineMs - performance.now()),
          signal,
        })
        break
      case 'shard':
        await moveShard(step.move, await this.#vectorNodes(), {
          timeoutMs: Math.max(0, this.#deadlineMs - performance.now()),
          signal,
          onNotice: (text) => onProgress({ kind: 'note', text }),
        })
        onProgress({ kind: 'note', text: `done: ${step.what}` })
        break
      case 'remove-peer':
        await removePeer(step.node, await this.#vectorNodes(), {
          timeoutMs: Math.max(0, this.#deadlineMs - performance.now()),
          signal,
        })
        break
      case 'remove-network':
        await ignoringMissing(engine.docker.getNetwork(step.name).remove())
        break
      case 'remove-volume':
        await ignoringMissing(engine.docker.getVolume(step.name).remove())
        break
      case 'forget':
        await removeState(places.state)
        break
      case 'apply':
      case 'restart':
        break
    }
  }

  /** A replica that gets no requests any more ends, and another takes its place. */
  async #replace(
    { service, number, name, id, serves }: RolledReplica,
    step: ActionOf<'roll'>,
  ): Promise<void> {
    const { signal, onProgress } = this.#options
    signal.throwIfAborted()
    if (id !== null && serves && step.routed !== null) {
      onProgress({ kind: 'note', text: `${name} gets no more requests` })
      await this.#router.only(step.routed, { workloads: [step.workload], without: [id] }, signal)
    }
    if (service.number !== null) {
      const apply = { ...step, kind: 'apply', service, alone: true, force: false } as const
      this.#router.ended()
      await this.#bringUp([apply], [])
      return
    }
    if (id !== null) await this.#remove({ id, name, stopSeconds: service.stopSeconds })
    await this.#followed(
      [{ ...service, replicas: 1 }],
      async (within) => await this.#maker.numbered(service, number, within),
      (one) => numberOf(one) === number,
    )
  }

  /** Together, and all watched at once: each may wait for another. */
  async #bringUp(
    applies: readonly ActionOf<'apply'>[],
    restarts: readonly ActionOf<'restart'>[],
  ): Promise<void> {
    const services = [...applies, ...restarts].map(({ service }) => service)
    await this.#followed(services, async (signal, follower) => {
      const restarting = restarts.map(async (step) => await this.#restart(step, signal))
      const apply = async () => (applies.length === 0 ? null : await this.#maker.services(applies, signal))
      let failure = await apply()
      // Compose gives up on who waits for one that the engine calls unhealthy, though it comes to answer.
      while (failure !== null && (await follower.outlasts(signal))) failure = await apply()
      await Promise.all(restarting)
      return failure
    })
  }

  /** @param act what is done meanwhile; what went wrong with it, where the containers do not say more */
  async #followed(
    services: readonly WantedService[],
    act: (signal: AbortSignal, follower: Follower) => Promise<UserError | null>,
    among?: (container: FoundContainer) => boolean,
  ): Promise<void> {
    const { engine, topology, places } = this.#means
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, this.#options.signal])
    const watching = { engine, topology, places, onProgress: this.#options.onProgress }
    const follower = new Follower(watching, services, among)
    await follower.begin()
    let ended = false
    const doing = async (): Promise<void> => {
      const failure = await act(signal, follower)
      if (failure !== null) {
        await follower.assertEngineStays(signal)
        // What a container says tells more than what Compose says of it.
        throw (await follower.blamed().catch(() => null)) ?? failure
      }
      ended = true
    }
    const both = [doing(), follower.untilHealthy(signal, this.#deadlineMs, () => ended)]
    try {
      await Promise.all(both)
    } finally {
      stop.abort()
      await Promise.allSettled(both)
    }
  }

  async #restart({ id, service }: ActionOf<'restart'>, abortSignal: AbortSignal): Promise<void> {
    await this.#means.engine.docker.getContainer(id).restart({ t: service.stopSeconds, abortSignal })
  }

  async #vectorNodes(): Promise<NodeAddress[]> {
    const { engine, topology, places } = this.#means
    const containers = await containersWith(engine, [`${projectLabel}=${topology.stack.name}`])
    return keyed(vectorNodes(containers, engine), await vectorKey(topology.stack, places))
  }

  async #remove({
    id,
    name,
    stopSeconds,
  }: Pick<ActionOf<'remove'>, 'id' | 'name' | 'stopSeconds'>): Promise<void> {
    const { engine } = this.#means
    const container = engine.docker.getContainer(id)
    const leftSeconds = Math.max(0, Math.floor((this.#deadlineMs - performance.now()) / 1000))
    await ignoringMissing(container.stop({ t: Math.min(stopSeconds, leftSeconds) }))
    await ignoringMissing(container.remove({ force: true, v: true }))
    this.#router.ended()
    this.#options.onProgress({ kind: 'gone', name })
  }
}
