/**
 * The emulators' cores in virtual time: whole stacks, hours of them, in less than a second. Queries visit the
 * tiers in their order; each tier is its replicas behind the balancer's policy.
 */
import type { Arrivals } from '../../stack/stack.ts'
import { seededRandom } from './cores/random.ts'
import { gaps } from './virtual/arrivals.ts'
import { runningTier } from './virtual/tier.ts'
import type { RunningTier, TokenCount, VirtualTier } from './virtual/tier.ts'

export type { TokenCount, VirtualTier } from './virtual/tier.ts'

export interface VirtualLoad {
  /** Queries a second. */
  readonly rate: number
  readonly arrivals: Arrivals
  /** Measured queries, after `warmup` more that are not. */
  readonly queries: number
  readonly warmup: number
  readonly seed: number
  /** Multiplies the service time of a query at a tier, so that stages can be correlated. Default 1. */
  readonly work?: (query: number, tier: string) => number
  /** Default 256. */
  readonly inputTokens?: TokenCount
  /** Default 128. */
  readonly outputTokens?: TokenCount
}

export interface VirtualResult {
  /** Of each measured query, in milliseconds and in the order of arrival; Infinity when a tier refused it. */
  readonly latencyMs: Float64Array
  /** The time that each query spent at each tier; NaN where it never came. */
  readonly stages: Record<string, Float64Array>
  /** From a query's arrival to its first token, when a tier writes tokens; Infinity when refused. */
  readonly firstTokenMs?: Float64Array
  /** Measured queries that a tier refused. */
  readonly refused: number
  /** Work of each replica, over servers or steps, warm-up included. */
  readonly busyMs: Record<string, number[]>
  /** From the first arrival to the last departure, warm-up included. */
  readonly elapsedMs: number
}

/** Throws a `RangeError` when a number makes no sense. The same arguments give the same result. */
export function runVirtual(tiers: readonly VirtualTier[], load: VirtualLoad): VirtualResult {
  return new Run(tiers, load).play()
}

class Run {
  readonly #tiers: readonly VirtualTier[]
  readonly #running: readonly RunningTier[]
  readonly #load: VirtualLoad
  readonly #visits
  readonly #total: number
  readonly #arrivedMs: Float64Array
  readonly #enteredMs: Float64Array
  readonly #latencyMs: Float64Array
  readonly #firstTokenMs: Float64Array
  readonly #stages: Float64Array[]
  /** The visits that each query still makes at the tier where it is. */
  readonly #left: Uint32Array
  #nowMs = 0

  constructor(tiers: readonly VirtualTier[], load: VirtualLoad) {
    this.#tiers = tiers
    this.#load = load
    this.#running = tiers.map((tier) => runningTier(tier, load.seed))
    this.#visits = seededRandom(load.seed, 'visits')
    this.#total = load.warmup + load.queries
    const perQuery = () => new Float64Array(this.#total)
    this.#arrivedMs = perQuery()
    this.#enteredMs = perQuery()
    this.#latencyMs = perQuery().fill(Infinity)
    this.#firstTokenMs = perQuery().fill(Infinity)
    this.#stages = tiers.map(() => perQuery().fill(NaN))
    this.#left = new Uint32Array(this.#total)
  }

  play(): VirtualResult {
    const gap = gaps(this.#load.arrivals, this.#load.rate, seededRandom(this.#load.seed, 'arrivals'))
    let arrived = 0
    let arrivalMs = 0
    for (;;) {
      let tierMs = Infinity
      let tier = -1
      for (let index = 0; index < this.#running.length; index++) {
        const { nextMs } = this.#running[index]!
        if (nextMs < tierMs) {
          tierMs = nextMs
          tier = index
        }
      }
      if (arrived < this.#total && arrivalMs <= tierMs) {
        this.#nowMs = arrivalMs
        this.#arrivedMs[arrived] = arrivalMs
        this.#enter(arrived, 0)
        arrived++
        arrivalMs += gap()
      } else if (tier >= 0) {
        this.#nowMs = tierMs
        this.#finish(tier)
      } else break
    }
    return this.#result()
  }

  #finish(tier: number): void {
    const stage = this.#stages[tier]!
    for (const { id, atMs, firstTokenMs } of this.#running[tier]!.advance(this.#nowMs)) {
      const beforeMs = stage[id]!
      stage[id] = (Number.isNaN(beforeMs) ? 0 : beforeMs) + atMs - this.#enteredMs[id]!
      if (firstTokenMs !== undefined) this.#firstTokenMs[id] = firstTokenMs - this.#arrivedMs[id]!
      this.#left[id]!--
      if (this.#left[id]! > 0) this.#visit(id, tier)
      else this.#enter(id, tier + 1)
    }
  }

  /** Takes a query to the next tier that it visits at all, from `from` on, or to its end. */
  #enter(query: number, from: number): void {
    for (let tier = from; tier < this.#tiers.length; tier++) {
      const wanted = this.#tiers[tier]!.visits ?? 1
      const whole = Math.floor(wanted)
      const visits = whole + (wanted > whole && this.#visits.uniform() < wanted - whole ? 1 : 0)
      if (visits === 0) continue
      this.#left[query] = visits
      this.#visit(query, tier)
      return
    }
    this.#latencyMs[query] = this.#nowMs - this.#arrivedMs[query]!
  }

  #visit(query: number, tier: number): void {
    const { name, inputTokens } = this.#tiers[tier]!
    const { work, inputTokens: loadTokens, outputTokens } = this.#load
    this.#enteredMs[query] = this.#nowMs
    const answer = this.#running[tier]!.submit(
      {
        id: query,
        work: work?.(query, name) ?? 1,
        inputTokens: countOf(inputTokens ?? loadTokens ?? 256, query),
        outputTokens: countOf(outputTokens ?? 128, query),
      },
      this.#nowMs,
    )
    if (answer === 'refused') this.#firstTokenMs[query] = Infinity
  }

  #result(): VirtualResult {
    const { warmup } = this.#load
    const latencyMs = this.#latencyMs.subarray(warmup)
    return {
      latencyMs,
      stages: Object.fromEntries(
        this.#tiers.map(({ name }, index) => [name, this.#stages[index]!.subarray(warmup)]),
      ),
      refused: latencyMs.reduce((count, latency) => count + (latency === Infinity ? 1 : 0), 0),
      busyMs: Object.fromEntries(
        this.#tiers.map(({ name }, index) => [name, this.#running[index]!.busyMs()]),
      ),
      elapsedMs: this.#nowMs,
      ...(this.#tiers.some(({ emulation }) => emulation.model === 'continuous')
        ? { firstTokenMs: this.#firstTokenMs.subarray(warmup) }
        : {}),
    }
  }
}

function countOf(tokens: TokenCount, query: number): number {
  return typeof tokens === 'number' ? tokens : tokens(query)
}
