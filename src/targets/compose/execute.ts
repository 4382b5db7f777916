/** Does what was planned, and decides nothing. */
import { readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { writeComparison } from '../../deployed/compare.ts'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import type { Topology } from '../../render/topology.ts'
import { interruptedAway, isAway } from '../docker/away.ts'
import { containersWith } from '../docker/containers.ts'
import type { Env } from '../docker/context.ts'
import { EngineAway, type Engine, engineGone } from '../docker/engine.ts'
import { pullImage } from '../docker/pull.ts'
import type { ExecuteOptions } from '../target.ts'
import type { NodeAddress } from '../qdrant/call.ts'
import { removePeer } from '../qdrant/cluster.ts'
import { moveShard } from '../qdrant/transfer.ts'
import { projectLabel } from './found.ts'
import { keyed, vectorKey, vectorNodes } from './vector-nodes.ts'
import { Follower } from './follow.ts'
import type { Places } from './places.ts'
import { reloadBalancer } from './reload.ts'
import { removeState, writeState } from './state-folder.ts'
import { ignoringMissing, takeBack } from './take-back.ts'
import { makeSecret } from './secret-files.ts'
import type { ActionOf, ComposeStep } from './steps.ts'
import { type ComposeTool, callCompose } from './tool.ts'
import { composeFailure, portTaken } from './tool-failure.ts'
import { applyAlone } from './alone/apply.ts'
import { buildImage } from './alone/build.ts'
import { readAlone } from './resolve.ts'
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

  constructor(means: Means, options: ExecuteOptions) {
    this.#means = means
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
      if (this.#options.signal.aborted) throw await this.#interrupted(steps)
      throw isAway(error) && !(error instanceof EngineAway) ? engineGone(error) : error
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
        await reloadBalancer(engine, places.state, step)
        onProgress({ kind: 'note', text: `done: ${step.what}` })
        break
      case 'secret':
        await makeSecret(places.secrets, step.name, step.empty)
        break
      case 'pull':
        await pullImage(engine, step.image, { ...this.#options, env: this.#means.env })
        break
      case 'build':
        await this.#build(step)
        break
      case 'remove':
        await this.#remove(step)
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

  #follower(services: readonly WantedService[]): Follower {
    const { engine, topology, places } = this.#means
    return new Follower({ engine, topology, places, onProgress: this.#options.onProgress }, services)
  }

  /** Together, and all watched at once: each may wait for another. */
  async #bringUp(
    applies: readonly ActionOf<'apply'>[],
    restarts: readonly ActionOf<'restart'>[],
  ): Promise<void> {
    const services = [...applies, ...restarts].map(({ service }) => service)
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, this.#options.signal])
    const follower = this.#follower(services)
    await follower.begin()
    let ended = false
    const doing = async (): Promise<void> => {
      const restarting = restarts.map(async (step) => await this.#restart(step, signal))
      const failure = applies.length === 0 ? null : await this.#apply(applies, signal)
      await Promise.all(restarting)
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

  /** One call for all of them: Compose starts them in the order of what they wait for. */
  async #apply(steps: readonly ActionOf<'apply'>[], signal: AbortSignal): Promise<UserError | null> {
    const { places, topology, env, tool } = this.#means
    if (tool.kind === 'none') {
      await this.#applyAlone(steps, signal)
      return null
    }
    const services = steps.map(({ service }) => service)
    const args = [
      'up',
      '--detach',
      '--no-build',
      ...(steps.every(({ alone }) => alone) ? ['--no-deps'] : []),
      ...(steps.every(({ force }) => force) ? ['--force-recreate'] : []),
      ...services.flatMap(({ name, replicas }) => ['--scale', `${name}=${replicas}`]),
      ...services.map(({ name }) => name),
    ]
    const call = { files: await this.#means.files(), folder: places.compose, project: topology.stack.name }
    const { failed, stderr } = await callCompose(tool, { ...call, args, signal }, env)
    return failed && !signal.aborted ? composeFailure(stderr, services, places) : null
  }

  async #restart({ id, service }: ActionOf<'restart'>, abortSignal: AbortSignal): Promise<void> {
    await this.#means.engine.docker.getContainer(id).restart({ t: service.stopSeconds, abortSignal })
  }

  async #vectorNodes(): Promise<NodeAddress[]> {
    const { engine, topology, places } = this.#means
    const containers = await containersWith(engine, [`${projectLabel}=${topology.stack.name}`])
    return keyed(vectorNodes(containers, engine), await vectorKey(topology.stack, places))
  }

  /** The same, where there is no Compose. */
  async #applyAlone(steps: readonly ActionOf<'apply'>[], signal: AbortSignal): Promise<void> {
    const { engine, places, env } = this.#means
    const [main = '', applied] = await this.#means.files()
    const texts = {
      rendered: await readFile(main, 'utf8'),
      applied: applied === undefined ? undefined : await readFile(applied, 'utf8'),
    }
    const placed = { model: await readAlone(texts, places, env), folder: places.compose }
    try {
      await applyAlone(engine, placed, steps, signal)
    } catch (error) {
      throw portTaken(messageOf(error), places) ?? error
    }
  }

  async #build({ service, image, context }: ActionOf<'build'>): Promise<void> {
    const { engine, places, topology, env, tool } = this.#means
    const { onProgress, signal } = this.#options
    onProgress({ kind: 'note', text: `building ${image} from deploy/image` })
    if (tool.kind === 'none') {
      await buildImage(engine, image, context, signal)
      return
    }
    const call = { files: await this.#means.files(), folder: places.compose, project: topology.stack.name }
    const { failed, stderr, stdout } = await callCompose(
      tool,
      { ...call, args: ['build', service], signal },
      env,
    )
    if (!failed) return
    signal.throwIfAborted()
    const lines = `${stdout}\n${stderr}`.trim().split('\n').slice(-20)
    throw new UserError(
      `${image} could not be built\n  its last lines:${lines.map((line) => `\n    | ${line}`).join('')}`,
      {
        hint: 'deploy/image/Dockerfile says how it is made; from a checkout put what `npm pack` makes beside it.',
        exitCode: ExitCode.failed,
        code: 'build',
      },
    )
  }

  async #remove({ id, name, stopSeconds }: ActionOf<'remove'>): Promise<void> {
    const { engine } = this.#means
    const container = engine.docker.getContainer(id)
    const leftSeconds = Math.max(0, Math.floor((this.#deadlineMs - performance.now()) / 1000))
    await ignoringMissing(container.stop({ t: Math.min(stopSeconds, leftSeconds) }))
    await ignoringMissing(container.remove({ force: true, v: true }))
    this.#options.onProgress({ kind: 'gone', name })
  }

  async #interrupted(steps: readonly ComposeStep[]): Promise<UserError> {
    const { fresh } = this.#means
    if (fresh !== null && steps.some(({ kind }) => kind === 'apply')) {
      try {
        await takeBack(this.#means, fresh.volumes)
      } catch (error) {
        if (isAway(error)) return interruptedAway()
        throw error
      }
      return new UserError('Interrupted. Nothing of the stack is left running.', {
        hint: 'ragscale up starts again',
        exitCode: ExitCode.interrupted,
        code: 'interrupted',
      })
    }
    const left = steps.map(({ what }) => what).filter((what) => !this.#done.includes(what))
    const done = this.#done.length === 0 ? 'nothing was finished' : `done: ${this.#done.join(', ')}`
    return new UserError(
      `Interrupted. The stack is as far as it came; ${done}; not finished: ${left.join(', ')}.`,
      {
        hint: 'ragscale up goes on from there, ragscale status shows where, ragscale down stops what runs',
        exitCode: ExitCode.interrupted,
        code: 'interrupted',
      },
    )
  }
}
