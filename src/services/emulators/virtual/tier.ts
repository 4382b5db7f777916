import type { BalancerPolicy, Emulation } from '../../../stack/stack.ts'
import { BatchingCore } from '../cores/batching.ts'
import { ContinuousCore } from '../cores/continuous.ts'
import type { Core, Done } from '../cores/core.ts'
import { FifoCore } from '../cores/fifo.ts'
import { seededRandom } from '../cores/random.ts'
import { chooser } from './balancing.ts'
import type { Choose } from './balancing.ts'
import { SearchTier } from './search-tier.ts'

export interface VirtualTier {
  readonly name: string
  readonly replicas: number
  readonly policy: BalancerPolicy
  readonly emulation: Emulation
  /**
   * Requests to this tier per query, one after another. The fraction is a chance: 0.6 is a cache that answers
   * 40 % of the queries in no time. Default 1.
   */
  readonly visits?: number
  /** Tokens of this tier's inputs, when they differ from the load's. */
  readonly inputTokens?: TokenCount
  /** What a `search` tier searches. Default: one shard of a million points, kept by every node. */
  readonly collection?: { readonly points: number; readonly shards: number; readonly replication: number }
}

/** The same for every query, or each query's own. */
export type TokenCount = number | ((query: number) => number)

/** One request of one query to one tier. */
export interface Visit {
  /** The query's number; it has one request under way at a time. */
  readonly id: number
  readonly work: number
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface Finished {
  readonly id: number
  readonly atMs: number
  /** Of a tier that writes tokens. */
  readonly firstTokenMs?: number
}

/** A tier in virtual time: its replicas behind the balancer. */
export interface RunningTier {
  submit(visit: Visit, nowMs: number): 'accepted' | 'refused'
  /** When something is next due; Infinity when idle. */
  readonly nextMs: number
  /** Everything due until `nowMs`, which is at most `nextMs`. */
  advance(nowMs: number): Finished[]
  /** Of each replica. */
  busyMs(): number[]
}

export function runningTier(tier: VirtualTier, seed: number): RunningTier {
  if (!Number.isInteger(tier.replicas) || tier.replicas < 1)
    throw new RangeError(`${tier.name}: replicas must be a whole number from 1, not ${tier.replicas}`)
  const choose = chooser(tier.policy, tier.replicas, seededRandom(seed, `${tier.name} balancer`))
  if (tier.emulation.model === 'search') return new SearchTier(tier, tier.emulation, choose, seed)
  const replicas = Array.from({ length: tier.replicas }, (_, replica) => replicaOf(tier, seed, replica))
  return new ReplicaTier(replicas, choose)
}

interface Replica {
  readonly core: Core<never, Done | { kind: 'token' }>
  submit(visit: Visit, nowMs: number): 'accepted' | 'refused'
}

function replicaOf(tier: VirtualTier, seed: number, replica: number): Replica {
  const { emulation } = tier
  const random = seededRandom(seed, `${tier.name} ${replica}`)
  switch (emulation.model) {
    case 'fifo': {
      const core = new FifoCore(emulation, random)
      return { core, submit: (visit, nowMs) => core.submit(visit, nowMs) }
    }
    case 'batching': {
      const core = new BatchingCore(emulation, random)
      return {
        core,
        submit: ({ id, work, inputTokens }, nowMs) => core.submit({ id, work, tokens: inputTokens }, nowMs),
      }
    }
    case 'continuous': {
      const core = new ContinuousCore(emulation, random, { tokenEvents: false })
      return {
        core,
        submit: ({ id, work, inputTokens, outputTokens }, nowMs) =>
          core.submit({ id, work, promptTokens: inputTokens, outputTokens }, nowMs),
      }
    }
    case 'search':
      throw new TypeError('a search tier is not made of replicas that each answer alone')
    default:
      return emulation satisfies never
  }
}

class ReplicaTier implements RunningTier {
  readonly #replicas: readonly Replica[]
  readonly #choose: Choose
  readonly #nextMs: Float64Array
  readonly #inFlight = (replica: number) => this.#replicas[replica]!.core.inFlight
  nextMs = Infinity

  constructor(replicas: readonly Replica[], choose: Choose) {
    this.#replicas = replicas
    this.#choose = choose
    this.#nextMs = new Float64Array(replicas.length).fill(Infinity)
  }

  submit(visit: Visit, nowMs: number): 'accepted' | 'refused' {
    const index = this.#choose(this.#inFlight)
    const answer = this.#replicas[index]!.submit(visit, nowMs)
    this.#look(index)
    return answer
  }

  advance(nowMs: number): Finished[] {
    const finished: Finished[] = []
    for (let index = 0; index < this.#replicas.length; index++) {
      if (this.#nextMs[index]! > nowMs) continue
      for (const event of this.#replicas[index]!.core.advance(nowMs))
        if (event.kind === 'done') finished.push(event)
      this.#look(index)
    }
    return finished
  }

  busyMs(): number[] {
    return this.#replicas.map(({ core }) => core.busyMs)
  }

  #look(index: number): void {
    this.#nextMs[index] = this.#replicas[index]!.core.nextEventMs()
    let earliest = Infinity
    for (const nextMs of this.#nextMs) if (nextMs < earliest) earliest = nextMs
    this.nextMs = earliest
  }
}
