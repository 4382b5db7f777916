import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReplicaSample } from '../../recording/resources.ts'
import type { Stack } from '../../stack/stack.ts'
import type {
  Connection,
  ExecuteOptions,
  LockOptions,
  LogLine,
  LogOptions,
  Observed,
  RolloutTarget,
  RunningEndpoints,
  StackTarget,
  Step,
} from '../target.ts'
import { lockChanges } from '../change-lock.ts'
import { Cluster } from './cluster.ts'
import { connect, connectVector } from './connect.ts'
import { Execution } from './execute.ts'
import { readLogs } from './logs.ts'
import { observe, rolesOf } from './observe.ts'
import { assertSamePlace } from './last-place.ts'
import { type Place, placeWords, readPlace } from './place.ts'
import { planDown } from './plan-down.ts'
import { planUp } from './plan-up.ts'
import { splitRefusal } from './next-release.ts'
import { assertCallable } from './hosts.ts'
import { isBalanced, routingProvider } from './overrides.ts'
import { unreachable } from './patient-cluster.ts'
import { ClusterUnreachable, type Env, Programs } from './programs.ts'
import { readRelease, releaseNameOf } from './release.ts'
import { assertSeparable } from './separable.ts'
import { ClusterSampler } from './sample.ts'
import { objectsIn } from './manifest.ts'
import { topologyOf } from '../../render/workloads.ts'
import type { KubernetesObserved, KubernetesStep } from './steps.ts'
import { vectorKey } from './vector-nodes.ts'

/** A Helm release in the namespace that kubectl's context names; `env`: what helm and kubectl are run with. */
export function kubernetesTarget(stack: Stack, env: Env): StackTarget {
  return new KubernetesTarget(stack, new Programs(env))
}

const patience = { attempts: 60, everyMs: 1_000 }

class KubernetesTarget implements StackTarget {
  readonly name = 'kubernetes'
  readonly #stack: Stack
  readonly #programs: Programs
  readonly #stateFolder: string
  #hasAnswered = false
  #sampler: ClusterSampler | null = null
  #placeRead: Promise<Place> | null = null

  constructor(stack: Stack, programs: Programs) {
    this.#stack = stack
    this.#programs = programs
    this.#stateFolder = join(stack.folder, '.ragscale', 'kubernetes')
  }

  readonly rollout: RolloutTarget = {
    refusal: (stack, tier) => splitRefusal(tier, routingProvider(stack), isBalanced(stack)),
  }

  async observe(stack: Stack): Promise<KubernetesObserved> {
    const found = await this.#reached(async () => {
      for (let attempt = 0; ; attempt++) {
        try {
          return await observe(stack, await this.#place(), this.#stateFolder, this.#programs)
        } catch (error) {
          // Who has never answered may never do; who has will come back.
          const gone = error instanceof ClusterUnreachable && this.#hasAnswered && attempt < patience.attempts
          if (!gone) throw error
          await sleep(patience.everyMs)
        }
      }
    })
    this.#hasAnswered = true
    return found
  }

  plan(stack: Stack, observed: KubernetesObserved, by = 'ragscale.yaml'): readonly KubernetesStep[] {
    if (observed.stack !== stack) throw new Error('a stack is planned from what was observed for it')
    if (stack.split?.tier === 'gateway') assertCallable(observed)
    const writes = by === 'ragscale.yaml' && stack.split === undefined
    return planUp({ by, writes, folder: stack.folder, nowMs: Date.now() }, observed)
  }

  planDown(
    _stack: Stack,
    observed: KubernetesObserved,
    options: { readonly volumes: boolean },
  ): readonly KubernetesStep[] {
    return planDown(observed, options)
  }

  async execute(steps: readonly Step[], options: ExecuteOptions): Promise<void> {
    const execution = new Execution(this.#programs, this.#stateFolder, this.#roles(), options)
    await this.#reached(async () => await execution.run(steps as readonly KubernetesStep[]))
  }

  assertSamePlace({ place, last }: KubernetesObserved): void {
    assertSamePlace(place, last)
  }

  assertSeparable(steps: readonly Step[]): void {
    assertSeparable(steps as readonly KubernetesStep[])
  }

  /** Nobody is asked about a cluster of this machine, nor before mere waiting. */
  confirmation({ place }: KubernetesObserved, steps: readonly KubernetesStep[]): string | null {
    const changes = steps.filter(({ kind }) => kind !== 'write' && kind !== 'await' && kind !== 'await-end')
    if (place.local || changes.length === 0) return null
    return `This changes the cluster ${place.server} (${placeWords(place)}): ${changes.length} changes. Go on?`
  }

  /** Only what the cluster lets in by a host; the rest is reached through `connect`. */
  endpoints(observed: Observed): RunningEndpoints {
    const { hosts } = observed as KubernetesObserved
    return hosts.length === 0 ? {} : { pipeline: hosts.slice(0, 1) }
  }

  async connect(observed: KubernetesObserved): Promise<Connection> {
    return await this.#reached(async () => await connect(observed, this.#programs))
  }

  async connectVector(observed: KubernetesObserved): Promise<Connection> {
    return await this.#reached(async () => await connectVector(observed, this.#programs))
  }

  /** Of Qdrant, for whoever loads it or asks its cluster. */
  async secrets(stack: Stack): Promise<Readonly<Record<string, string>>> {
    if (stack.rehearse || stack.tiers.vector?.component !== 'qdrant') return {}
    return await this.#reached(async () => {
      const place = await this.#place()
      const { manifest } = await readRelease(releaseNameOf(stack), place, this.#programs)
      const key = await vectorKey(stack, objectsIn(manifest), new Cluster(place, this.#programs))
      return key === null ? {} : { QDRANT_API_KEY: key }
    })
  }

  async sample(): Promise<ReplicaSample[]> {
    this.#sampler ??= await this.#newSampler()
    return this.#sampler.drain()
  }

  /** Read once: who changes kubectl's context meanwhile, for something else, does not send the rest there. */
  async #place(): Promise<Place> {
    this.#placeRead ??= readPlace(this.#programs)
    return await this.#placeRead
  }

  async #newSampler(): Promise<ClusterSampler> {
    const cluster = new Cluster(await this.#place(), this.#programs)
    const topology = topologyOf(this.#stack, 'kubernetes')
    return new ClusterSampler(releaseNameOf(this.#stack), this.#stack, topology, this.#roles(), cluster)
  }

  async *logs(options: LogOptions): AsyncGenerator<LogLine> {
    const place = await this.#place()
    const cluster = new Cluster(place, this.#programs)
    yield* readLogs(releaseNameOf(this.#stack), this.#roles(), cluster, this.#programs, options)
  }

  async lock(what: string, options: LockOptions): Promise<{ release(): Promise<void> }> {
    return await lockChanges(join(this.#stateFolder, 'change.lock'), what, options)
  }

  #roles() {
    return rolesOf(this.#stack, { error: null })
  }

  async #reached<T>(use: () => Promise<T>): Promise<T> {
    try {
      return await use()
    } catch (error) {
      if (!(error instanceof ClusterUnreachable)) throw error
      throw unreachable({ place: await this.#place() }, error)
    }
  }
}
