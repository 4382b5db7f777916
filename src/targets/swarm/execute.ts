/** Does what was planned; decides nothing. */
import { randomBytes } from 'node:crypto'
import { rm, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeComparison } from '../../deployed/compare.ts'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { makeFolder } from '../../folder.ts'
import { writeWhole } from '../../whole-file.ts'
import { stackLabel, statusOf } from '../docker/containers.ts'
import type { ExecuteOptions } from '../target.ts'
import { tellBalancer } from './balancers.ts'
import { callDocker } from './command.ts'
import { Follower } from './follow.ts'
import { type ApiService, namespaceLabel } from './found.ts'
import type { Around } from './observe.ts'
import { toldOf } from './refusals.ts'
import type { MissingSecret, SwarmObserved, SwarmStep } from './steps.ts'

type Of<Kind extends SwarmStep['kind']> = Extract<SwarmStep, { kind: Kind }>

/** A node that pulls knows of no login but what it is sent: without it images of private registries do not come. */
const deployment: readonly string[] = [
  'stack',
  'deploy',
  '--detach=true',
  '--prune',
  '--resolve-image',
  'never',
  '--with-registry-auth',
  '-c',
  '-',
]

/** A network is gone only when the last node has let go of it. */
const releasedWithinMs = 30_000

export class Execution {
  readonly #around: Around
  readonly #options: ExecuteOptions
  readonly #deadlineMs: number
  readonly #follower: Follower
  readonly #stack: string
  readonly #done: string[] = []

  constructor(around: Around, { stack, swarm, wanted }: SwarmObserved, options: ExecuteOptions) {
    this.#around = around
    this.#stack = stack
    this.#options = options
    this.#deadlineMs = performance.now() + options.timeoutMs
    this.#follower = new Follower({
      engine: around.engine,
      stack,
      node: swarm.node,
      services: wanted.model.services,
      onProgress: options.onProgress,
    })
  }

  async run(steps: readonly SwarmStep[]): Promise<void> {
    const changes = steps.filter((step) => ['change', 'scale', 'await', 'stop', 'reload'].includes(step.kind))
    const awaited = steps.flatMap((step) =>
      (step.kind === 'change' || step.kind === 'scale' || step.kind === 'await') && step.name !== null
        ? [step.name]
        : [],
    )
    try {
      await this.#follower.begin(new Set(awaited))
      for (const step of steps) {
        this.#options.signal.throwIfAborted()
        await this.#step(step)
      }
      if (awaited.length > 0) await this.#follower.untilSettled(this.#options.signal, this.#deadlineMs)
      for (const step of of(steps, 'reload')) if (step.when === 'after') await this.#tell(step)
      const stops = Map.groupBy(of(steps, 'stop'), ({ wave }) => wave)
      for (const wave of stops.values()) await this.#stop(wave)
      if (stops.size > 0) await this.#removeEnded(this.#stack)
      for (const step of of(steps, 'remove')) await this.#remove(step)
      for (const step of of(steps, 'label')) if (step.remove.length > 0) await this.#label(step)
    } catch (error) {
      throw this.#options.signal.aborted ? this.#interrupted(changes) : toldOf(error)
    }
  }

  async #step(step: SwarmStep): Promise<void> {
    switch (step.kind) {
      case 'write':
        await writeComparison(step.comparison)
        return
      case 'write-state':
        for (const { path, text } of step.files) {
          await makeFolder(dirname(path))
          await writeWhole(path, text)
        }
        return
      case 'secret':
        await makeSecret(step.secret)
        return
      case 'scale':
        await this.#scale(step)
        return
      case 'deploy':
        await this.#deploy(step)
        return
      case 'label':
        if (step.add.length > 0) await this.#label(step)
        return
      case 'reload':
        if (step.when === 'before') await this.#tell(step)
        return
      case 'leave':
        this.#options.onProgress({ kind: 'note', text: `${step.what}: ${step.because}` })
        return
      // The first are told with the deployment, and waited for; the others are done when that is.
      case 'change':
      case 'await':
      case 'stop':
      case 'remove':
    }
  }

  async #deploy({ stack, document, cwd }: Of<'deploy'>): Promise<void> {
    const { env } = this.#around
    for (let attempt = 1; ; attempt++) {
      const { ok, stderr } = await callDocker([...deployment, stack], {
        env,
        cwd,
        input: document,
        signal: this.#options.signal,
      })
      if (ok) return
      // A swarm that was just made may not know yet the network that it has just made.
      if (attempt > 3 || !/network .*not found/i.test(stderr)) throw refusedByDocker(stderr)
      this.#options.onProgress({ kind: 'note', text: `docker stack deploy: ${stderr.trim()}; once more` })
      await sleep(1_000, undefined, { signal: this.#options.signal })
    }
  }

  async #tell({ balancer, balancing, what }: Of<'reload'>): Promise<void> {
    this.#options.signal.throwIfAborted()
    await tellBalancer(this.#around.engine, balancer, balancing)
    this.#options.onProgress({ kind: 'note', text: `done: ${what}` })
  }

  async #label({ node, add, remove }: Of<'label'>): Promise<void> {
    const handle = this.#around.engine.docker.getNode(node)
    const { Version, Spec } = (await handle.inspect()) as {
      Version: { Index: number }
      Spec: { Labels?: Record<string, string> | null }
    }
    const kept = Object.entries(Spec.Labels ?? {}).filter(([label]) => !remove.includes(label))
    const Labels = Object.fromEntries([...kept, ...add.map((label) => [label, 'true'] as const)])
    await handle.update({ ...Spec, version: Version.Index, Labels })
  }

  async #scale({ service, replicas }: Of<'scale'>): Promise<void> {
    const { docker } = this.#around.engine
    for (let attempt = 1; ; attempt++) {
      const handle = docker.getService(service)
      const { Version, Spec } = (await handle.inspect()) as ApiService
      try {
        await handle.update({ ...Spec, version: Version.Index, Mode: { Replicated: { Replicas: replicas } } })
        return
      } catch (error) {
        // Somebody, the swarm itself among them, has just updated it: the version was another one.
        if (attempt > 5 || !/out of sequence/.test(messageOf(error))) throw error
      }
    }
  }

  async #stop(steps: readonly Of<'stop'>[]): Promise<void> {
    const { docker } = this.#around.engine
    for (const { id } of steps) await ignoring(404, docker.getService(id).remove())
    for (const { id, job } of steps) if (job) await this.#endJob(id)
    await this.#follower.untilGone(new Set(steps.map(({ id }) => id)), this.#options.signal, this.#deadlineMs)
    for (const { name, what } of steps) {
      this.#follower.gone(name)
      this.#done.push(what)
    }
  }

  /** A swarm lets a job's task run on when its service is gone, and the task holds the network. */
  async #endJob(service: string): Promise<void> {
    const label = [`com.docker.swarm.service.id=${service}`]
    const { docker } = this.#around.engine
    for (const { Id } of await docker.listContainers({ all: true, filters: { label } })) {
      await ignoring(304, ignoring(404, docker.getContainer(Id).stop()))
    }
  }

  async #removeEnded(stack: string): Promise<void> {
    const { docker } = this.#around.engine
    const label = [`${stackLabel}=${stack}`, `${namespaceLabel}=${stack}`]
    const filters = { label, status: ['exited', 'dead', 'created'] }
    for (const { Id } of await docker.listContainers({ all: true, filters }))
      // The swarm may just be removing it itself.
      await ignoring(409, ignoring(404, docker.getContainer(Id).remove({ force: true })))
  }

  async #remove({ of: kind, name }: Of<'remove'>): Promise<void> {
    const { docker } = this.#around.engine
    const until = Math.min(this.#deadlineMs, performance.now() + releasedWithinMs)
    if (kind === 'folder') {
      await rm(name, { recursive: true, force: true })
      await rmdir(dirname(name)).catch(() => {})
      return
    }
    if (kind === 'containers') {
      await this.#removeEnded(name)
      return
    }
    for (;;) {
      try {
        if (kind === 'network') await ignoring(404, docker.getNetwork(name).remove())
        if (kind === 'volume') await ignoring(404, docker.getVolume(name).remove())
        if (kind === 'config') await ignoring(404, docker.getConfig(name).remove())
        if (kind === 'secret') await ignoring(404, docker.getSecret(name).remove())
        return
      } catch (error) {
        const isInUse = /in use|active endpoints|using/i.test(messageOf(error))
        if (!isInUse || performance.now() > until) throw error
        await sleep(500, undefined, { signal: this.#options.signal })
      }
    }
  }

  #interrupted(changes: readonly SwarmStep[]): UserError {
    const left = changes.map(({ what }) => what).filter((what) => !this.#done.includes(what))
    return new UserError(
      `Interrupted. The swarm goes on by itself with what it was told; not waited for: ${left.join(', ')}.`,
      {
        hint: 'ragscale status shows where it is, ragscale up goes on, ragscale down stops it',
        exitCode: ExitCode.interrupted,
        code: 'interrupted',
      },
    )
  }
}

function of<Kind extends SwarmStep['kind']>(steps: readonly SwarmStep[], kind: Kind): Of<Kind>[] {
  return steps.filter((step): step is Of<Kind> => step.kind === kind)
}

/** A swarm takes no empty secret: one line without anything is as good as none to whoever reads it. */
async function makeSecret({ file, kind }: MissingSecret): Promise<void> {
  await makeFolder(dirname(file))
  await writeWhole(file, kind === 'generated' ? randomBytes(32).toString('base64url') : '\n', 0o600)
}

function refusedByDocker(stderr: string): UserError {
  const said = stderr.trim()
  const changed = /secret.*only updates to Labels are allowed/is.test(said)
  return new UserError(`docker stack deploy failed: ${said}`, {
    ...(changed
      ? {
          hint: 'A swarm never changes a secret that it has: RAGSCALE_SECRETS=2 ragscale up gives the changed ones new names.',
        }
      : {}),
    exitCode: ExitCode.unhealthy,
    code: 'deploy',
  })
}

async function ignoring(status: number, done: Promise<unknown>): Promise<void> {
  await done.catch((error: unknown) => {
    if (statusOf(error) !== status) throw error
  })
}
