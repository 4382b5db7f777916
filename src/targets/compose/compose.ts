import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { balancerPorts } from '../../catalog/container.ts'
import { vectorKeyEnv } from '../../catalog/reference/upstreams.ts'
import { conflictsAmong } from '../../deployed/plan.ts'
import { refused } from '../../deployed/conflicts.ts'
import { ExitCode, UserError } from '../../errors.ts'
import type { ReplicaSample } from '../../recording/resources.ts'
import { topologyOf } from '../../render/workloads.ts'
import type { Stack } from '../../stack/stack.ts'
import { lockChanges } from '../change-lock.ts'
import { untilEngineIsBack } from '../docker/away.ts'
import { containersWith } from '../docker/containers.ts'
import type { Env } from '../docker/context.ts'
import { type Engine, isGone, openEngine } from '../docker/engine.ts'
import { HalfStarted } from '../docker/half-started.ts'
import { resumeHealthChecks } from '../docker/health-checks.ts'
import { followLines } from '../docker/logs.ts'
import { mergeLines } from '../docker/merge-lines.ts'
import { reloadRefusal } from '../rollout.ts'
import { endpointTiers } from '../endpoint-tiers.ts'
import type { NodeAddress } from '../qdrant/call.ts'
import { Sampler } from '../sampling/sampler.ts'
import type {
  ExecuteOptions,
  LockOptions,
  LogLine,
  LogOptions,
  Observed,
  RunningEndpoints,
  StackTarget,
  Step,
} from '../target.ts'
import { vectorKey, vectorNodes } from './vector-nodes.ts'
import { appliedFile, departedFile } from './applied.ts'
import { Execution, type Means } from './execute.ts'
import { identityOf, projectLabel } from './found.ts'
import { observe } from './observe.ts'
import { type Places, placesOf } from './places.ts'
import { planUp } from './plan.ts'
import { planDown } from './plan-down.ts'
import { isOwnSecret } from './secret-files.ts'
import { sampledReplicas } from './sampled.ts'
import type { ComposeObserved, ComposeStep } from './steps.ts'

/** A stack as Docker Compose runs it on one engine. */
export function composeTarget(stack: Stack, env: Env): StackTarget {
  return new ComposeTarget(stack, env)
}

class ComposeTarget implements StackTarget {
  readonly name = 'compose'
  readonly #places: Places
  readonly #env: Env
  readonly #stack: Stack
  readonly #sampler = new Sampler()
  #sampling: Engine | null = null
  /** What was looked with last, and how: what is executed was planned for it. */
  #looked: { readonly stack: Stack; readonly observed: ComposeObserved } | null = null
  /** What was there before a change that was cut off, and is gone on with. */
  #before: Pick<Means, 'fresh'> | null = null

  constructor(stack: Stack, env: Env) {
    this.#stack = stack
    this.#places = placesOf(stack.folder)
    this.#env = env
  }

  async observe(stack: Stack): Promise<ComposeObserved> {
    const observed = await observe(stack, { places: this.#places, env: this.#env })
    this.#looked = { stack, observed }
    return observed
  }

  plan(_stack: Stack, observed: Observed, by = 'ragscale.yaml'): readonly ComposeStep[] {
    const found = observed as ComposeObserved
    this.#assertOurs(found)
    const conflicts = found.departs ? [] : conflictsAmong(found.comparison.changes)
    if (conflicts.length > 0) {
      throw refused(conflicts, { folder: this.#places.deploy, cwd: this.#stack.folder }, 'ragscale render')
    }
    const needed = found.secrets.filter(
      ({ there, optional, name }) => !there && !optional && !isOwnSecret(name),
    )
    if (needed.length > 0) throw this.#missingSecrets(needed.map(({ name }) => name))
    return planUp(found, by)
  }

  planDown(
    _stack: Stack,
    observed: Observed,
    options: { readonly volumes: boolean },
  ): readonly ComposeStep[] {
    const found = observed as ComposeObserved
    this.#assertOurs(found)
    return planDown(found, options)
  }

  #assertOurs({ elsewhere }: ComposeObserved): void {
    if (elsewhere === null) return
    throw new UserError(
      `another stack of the name ${this.#stack.name} runs on this engine, from ${elsewhere}`,
      {
        hint: 'Give one of them another `name`, or take that one down first (ragscale down, where it is).',
        exitCode: ExitCode.usage,
        code: 'name-taken',
      },
    )
  }

  #missingSecrets(names: readonly string[]): UserError {
    const { secrets } = this.#places
    return new UserError(`a secret is missing that only you know: ${names.join(', ')}`, {
      hint: names.map((name) => `cat > ${secrets}/${name}   # paste it, then Ctrl-D`).join('\n'),
      exitCode: ExitCode.missing,
      code: 'secret',
    })
  }

  async execute(steps: readonly Step[], options: ExecuteOptions): Promise<void> {
    if (this.#looked === null) throw new Error('observe comes before execute')
    const { stack, observed } = this.#looked
    this.#before ??= { fresh: observed.containers.length === 0 ? { volumes: observed.volumes } : null }
    await new Execution(
      {
        engine: await openEngine(this.#env),
        tool: observed.tool,
        ...this.#before,
        topology: topologyOf(stack, 'compose'),
        places: this.#places,
        env: this.#env,
        files: async () => await this.#files(),
      },
      options,
    ).run(steps as readonly ComposeStep[])
    this.#before = null
  }

  async recover(error: unknown, options: ExecuteOptions): Promise<boolean> {
    const { onProgress } = options
    if (error instanceof HalfStarted) {
      // The next plan removes it.
      onProgress({ kind: 'note', text: error.message })
      return true
    }
    if (!(await untilEngineIsBack(error, this.#env, options))) return false
    const again = await resumeHealthChecks(await openEngine(this.#env), [
      `${projectLabel}=${this.#stack.name}`,
    ])
    if (again.length > 0)
      onProgress({ kind: 'note', text: `has the engine check the health again of ${again.join(', ')}` })
    return true
  }

  async #files(): Promise<string[]> {
    const { file, override, state } = this.#places
    const departed = join(state, departedFile)
    const applied = join(state, appliedFile)
    return [
      (await isThere(departed)) ? departed : file,
      ...((await isThere(override)) ? [override] : []),
      ...((await isThere(applied)) ? [applied] : []),
    ]
  }

  endpoints(observed: Observed): RunningEndpoints {
    const { containers, engine } = observed as ComposeObserved
    const balancer = containers.find((one) => identityOf(one).tier === 'balancer' && one.status === 'running')
    if (balancer === undefined) return {}
    return Object.fromEntries(
      Object.entries(endpointTiers).flatMap(([name, tier]) => {
        const [published] = balancer.ports[balancerPorts[tier]] ?? []
        if (published === undefined) return []
        const everywhere = published.host === '0.0.0.0' || published.host === '::' || published.host === ''
        return [[name, [`http://${everywhere ? engine.host : published.host}:${published.port}`]] as const]
      }),
    )
  }

  vectorNodes(observed: Observed): readonly NodeAddress[] {
    const { containers, engine } = observed as ComposeObserved
    return vectorNodes(containers, engine)
  }

  async secrets(stack: Stack): Promise<Readonly<Record<string, string>>> {
    const value = await vectorKey(stack, this.#places)
    return value === null ? {} : { [vectorKeyEnv]: value }
  }

  async sample(): Promise<ReplicaSample[]> {
    const stack = this.#looked?.stack ?? this.#stack
    try {
      const engine = (this.#sampling ??= await openEngine(this.#env))
      return await this.#sampler.sample(await sampledReplicas(stack, engine))
    } catch (error) {
      // A test goes on while its engine is being restarted: what it used meanwhile nobody knows.
      if (isGone(error)) return []
      throw error
    }
  }

  async *logs(options: LogOptions): AsyncGenerator<LogLine> {
    const { tier, lines, follow, signal } = options
    const engine = await openEngine(this.#env)
    const containers = await containersWith(engine, [`${projectLabel}=${this.#stack.name}`])
    const wanted = containers
      .map((container) => ({ container, identity: identityOf(container) }))
      .filter(({ identity }) => tier === null || identity.tier === tier)
    yield* mergeLines(
      wanted.map(({ container, identity: { name } }) => ({
        name,
        lines: followLines(engine, container.id, { lines, follow, signal }),
      })),
    )
  }

  readonly rollout = { refusal: (stack: Stack) => reloadRefusal(stack) }

  async lock(what: string, options: LockOptions): Promise<{ release(): Promise<void> }> {
    return await lockChanges(this.#places.lockFile, what, options)
  }
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
