/** Samples of replicas by their readings: the same for every target that runs containers. */
import type { SignalSources } from '../../catalog/signals.ts'
import { type ReplicaSample, nothingSampled } from '../../recording/resources.ts'
import {
  type ComponentReading,
  type ComponentSample,
  componentReading,
  componentSample,
} from './component.ts'
import { MalformedExposition } from './exposition.ts'
import { type GpuReading, gpuUse } from './gpu.ts'
import { type UsageReading, usageBetween } from './usage.ts'

/** A replica, and how it is asked. What cannot be asked is null, and null where it did not answer. */
export interface SampledReplica {
  readonly tier: string
  /** Which of the tier; a balancer's is the name of the tier before which it stands. */
  readonly replica: string
  /** Of the container or process: what runs anew counts from 0. */
  readonly id: string
  readonly usage: (() => Promise<UsageReading | null>) | null
  readonly signals: SignalSources
  /** The text of its metrics. */
  readonly metrics: (() => Promise<string | null>) | null
  /** Those that it has and no other. */
  readonly gpus: (() => Promise<readonly GpuReading[] | null>) | null
}

interface Readings {
  readonly usage: UsageReading | null
  readonly component: ComponentReading | null
}

/** Keeps the readings before, by which the next ones become rates. */
export class Sampler {
  #before: ReadonlyMap<string, Readings> = new Map()
  readonly #clock: { readonly wallMs: () => number; readonly steadyMs: () => number }

  constructor(clock = { wallMs: () => Date.now(), steadyMs: () => performance.now() }) {
    this.#clock = clock
  }

  /** One sample a replica that said anything; all are asked at once. */
  async sample(replicas: readonly SampledReplica[]): Promise<ReplicaSample[]> {
    const taken = await Promise.all(replicas.map(async (replica) => await this.#take(replica)))
    // Of a replica that did not answer this once, the reading before still stands.
    this.#before = new Map(
      taken.map(({ id, now }) => {
        const before = this.#before.get(id)
        return [
          id,
          {
            usage: now.usage ?? before?.usage ?? null,
            component: now.component ?? before?.component ?? null,
          },
        ]
      }),
    )
    return taken.flatMap(({ sample }) => (sample === null ? [] : [sample]))
  }

  async #take(replica: SampledReplica): Promise<{ id: string; now: Readings; sample: ReplicaSample | null }> {
    const { tier, id, signals } = replica
    const before = this.#before.get(id)
    const [usage, component, gpus] = await Promise.all([
      replica.usage?.() ?? null,
      this.#component(replica),
      replica.gpus?.() ?? null,
    ])
    const now = { usage, component }
    const isNew = usage !== null && usage.atMs !== before?.usage?.atMs
    if (!isNew && component === null && gpus === null) return { id, now, sample: null }
    const load: ComponentSample =
      component === null
        ? { queue: null, signals: {} }
        : componentSample(signals, before?.component ?? null, component)
    return {
      id,
      now,
      sample: {
        ...nothingSampled,
        at: this.#clock.wallMs(),
        tier,
        replica: replica.replica,
        ...(isNew ? usageBetween(before?.usage ?? null, usage) : {}),
        ...(gpus === null ? {} : gpuUse(gpus)),
        ...load,
      },
    }
  }

  /** What is no exposition, as the page of a proxy in between, says nothing. */
  async #component({ metrics, signals }: SampledReplica): Promise<ComponentReading | null> {
    if (metrics === null || Object.keys(signals).length === 0) return null
    const text = await metrics()
    if (text === null) return null
    try {
      return componentReading(text, signals, this.#clock.steadyMs())
    } catch (error) {
      if (error instanceof MalformedExposition) return null
      throw error
    }
  }
}
