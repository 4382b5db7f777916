import { rm, rmdir } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, UserError } from '../../errors.ts'
import { isRunning, processStart } from '../../process-start.ts'
import type { NodeAddress } from '../qdrant/call.ts'
import { removePeer } from '../qdrant/cluster.ts'
import { moveShard } from '../qdrant/transfer.ts'
import type { Move } from '../qdrant/placement.ts'
import type { ExecuteOptions } from '../target.ts'
import { ControlClient, Unreachable } from './control-client.ts'
import { Follower } from './follow.ts'
import { vectorNodes } from './observe.ts'
import type { Places } from './places.ts'
import type { LocalStep } from './steps.ts'
import { type StartedSupervisor, type SupervisorHome, startSupervisor } from './start-supervisor.ts'
import { readStateFile } from './state-file.ts'

/**
 * Does what was planned. What it starts for the first time it takes down again when it is interrupted; a stack
 * that ran before is left as far as it came.
 */
export class Execution {
  readonly #places: Places
  readonly #home: SupervisorHome
  readonly #options: ExecuteOptions
  readonly #deadlineMs: number
  #started: { supervisor: StartedSupervisor; undo: readonly string[] } | undefined
  #done: string[] = []

  constructor(home: SupervisorHome, places: Places, options: ExecuteOptions) {
    this.#home = home
    this.#places = places
    this.#options = options
    this.#deadlineMs = performance.now() + options.timeoutMs
  }

  async run(steps: readonly LocalStep[]): Promise<void> {
    try {
      for (const wave of Map.groupBy(steps, (step) => step.wave).values()) {
        this.#options.signal.throwIfAborted()
        await this.#wave(wave)
      }
    } catch (error) {
      if (this.#options.signal.aborted) throw await this.#interrupted(steps)
      throw error
    } finally {
      await this.#started?.supervisor.letStay()
    }
  }

  async #wave(steps: readonly LocalStep[]): Promise<void> {
    const wanted = steps.filter((step) => step.kind === 'want')
    await Promise.all(steps.map(async (step) => await this.#step(step)))
    if (wanted.length === 0) return
    const ids = wanted.map((step) => step.process.id)
    const follower = new Follower(await this.#client(), this.#options.onProgress, ids)
    await follower.untilHealthy(this.#options.signal, this.#deadlineMs)
    this.#done.push(...wanted.map((step) => step.what))
  }

  async #step(step: LocalStep): Promise<void> {
    switch (step.kind) {
      case 'start-supervisor': {
        const supervisor = await startSupervisor(step.stack, this.#home, this.#places)
        this.#started = { supervisor, undo: step.undo }
        break
      }
      case 'want':
        await (await this.#client()).want(step.process)
        break
      case 'stop':
        await (await this.#client()).remove(step.id, this.#leftMs(10_000))
        this.#options.onProgress({ kind: 'gone', name: step.name })
        this.#done.push(step.what)
        break
      case 'stop-supervisor':
        await this.#stopSupervisor(this.#leftMs(Infinity), this.#options.signal)
        break
      case 'shard':
        await this.#shard(step.move)
        this.#done.push(step.what)
        this.#options.onProgress({ kind: 'note', text: `done: ${step.what}` })
        break
      case 'remove-peer':
        await removePeer(step.node, await this.#vectorNodes(), {
          timeoutMs: this.#leftMs(Infinity),
          signal: this.#options.signal,
        })
        break
      case 'kill-supervisor':
        await kill(step.pid)
        break
      case 'remove':
        await rm(step.path, { recursive: true, force: true })
        await removeIfEmpty(this.#places.folder)
        break
    }
  }

  async #shard(move: Move): Promise<void> {
    const { signal, onProgress } = this.#options
    await moveShard(move, await this.#vectorNodes(), {
      timeoutMs: this.#leftMs(Infinity),
      signal,
      onNotice: (text) => onProgress({ kind: 'note', text }),
    })
  }

  async #vectorNodes(): Promise<NodeAddress[]> {
    return vectorNodes((await (await this.#client()).status()).processes)
  }

  async #client(): Promise<ControlClient> {
    const state = this.#started?.supervisor.state ?? (await readStateFile(this.#places.stateFile))
    if (state === null) throw goneError()
    return new ControlClient(state)
  }

  /** Resolves when supervisor and processes are gone; what is in flight has `graceMs`. */
  async #stopSupervisor(graceMs: number, signal?: AbortSignal): Promise<void> {
    const { state } = await this.#client()
    const client = new ControlClient(state)
    const grace = Math.min(graceMs, 2 ** 31 - 1)
    try {
      const follower = new Follower(client, this.#options.onProgress)
      await follower.look()
      await client.stop(grace)
      const deadlineMs = performance.now() + grace + 15_000
      while (await isRunning(state.pid, state.processStart)) {
        if (performance.now() > deadlineMs) {
          // Its processes end with it: their channel closes.
          await kill(state.pid)
          break
        }
        await follower.look().catch(() => {})
        await sleep(50, undefined, signal === undefined ? {} : { signal })
      }
      follower.allGone()
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
    }
    await rm(this.#places.stateFile, { force: true })
    await removeIfEmpty(this.#places.folder)
  }

  async #interrupted(steps: readonly LocalStep[]): Promise<UserError> {
    if (this.#started !== undefined) {
      await this.#stopSupervisor(0)
      for (const path of this.#started.undo) await rm(path, { recursive: true, force: true })
      await removeIfEmpty(this.#places.folder)
      return interruptedError('Nothing of the stack is left running.', 'ragscale up starts again')
    }
    if (steps.some(({ kind }) => kind === 'stop-supervisor')) {
      const message = 'The stack goes on ending by itself, when the requests in flight have ended.'
      return interruptedError(message, 'ragscale down --timeout 1s ends it at once')
    }
    const changes = steps.filter(
      (step) => step.kind === 'want' || step.kind === 'stop' || step.kind === 'shard',
    )
    const left = changes.map((step) => step.what).filter((what) => !this.#done.includes(what))
    const done = this.#done.length === 0 ? 'nothing was finished' : `done: ${this.#done.join(', ')}`
    const message = `The stack goes on running as far as it was changed; ${done}; not finished: ${left.join(', ')}.`
    return interruptedError(message, 'ragscale up goes on from there, ragscale status shows where')
  }

  #leftMs(most: number): number {
    return Math.max(0, Math.min(most, this.#deadlineMs - performance.now()))
  }
}

function interruptedError(what: string, hint: string): UserError {
  return new UserError(`Interrupted. ${what}`, { hint, exitCode: ExitCode.interrupted, code: 'interrupted' })
}

export function goneError(): UserError {
  return new UserError('the supervisor of this stack is gone', {
    hint: 'ragscale up starts it again',
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}

async function kill(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    return
  }
  // A corpse that nobody has collected yet counts as gone.
  while ((await isRunning(pid, null)) && (await processStart(pid)) !== null) await sleep(20)
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => {})
}
