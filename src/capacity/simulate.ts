import { arrivalsOf } from './arrivals.ts'
import type { Load, SimulatedTier } from './model.ts'
import { normalDistribution } from './normal.ts'
import { orderOf } from './order.ts'
import { randomOf } from './random.ts'
import { serve, type Draws } from './serve.ts'

/** How many of a tier there are. */
export interface TierCounts {
  readonly replicas: number
  readonly shards?: number
  readonly replication?: number
}

/** Times of each query counted, in the order of arrival. */
export interface Simulated {
  readonly latencyMs: Float64Array
  /** By tier, in the tiers' order: time spent there, 0 for a query that did not visit it. */
  readonly tierMs: readonly Float64Array[]
  /** Query to first token; null when no tier has tokens. */
  readonly ttftMs: Float64Array | null
  /** By tier: request to first token. */
  readonly tierTtftMs: readonly (Float64Array | null)[]
  /** By tier: (last token − first) ÷ (tokens − 1). */
  readonly tierTpotMs: readonly (Float64Array | null)[]
}

interface Passed {
  /** When each query is done with the tier. */
  readonly leaving: Float64Array
  readonly firstToken: Float64Array | null
  readonly tokens: Float64Array | null
}

/**
 * A pipeline of tiers under a load. Every run with other counts meets the same arrivals and the same draws, so
 * that counts are compared by what they do and not by luck.
 */
export class PipelineSimulation {
  readonly #tiers: readonly SimulatedTier[]
  readonly #load: Load
  readonly #correlation: number
  readonly #arrivals: Float64Array
  readonly #draws = new Map<string, Draws>()
  readonly #passed = new Map<string, Passed>()
  readonly #shock: Float64Array | null

  /** `correlation`: of the Gaussian copula between the tiers' work for one query, 0 … 1. */
  constructor(tiers: readonly SimulatedTier[], load: Load, correlation: number) {
    this.#tiers = tiers
    this.#load = load
    this.#correlation = correlation
    const count = load.queries + load.warmup
    this.#arrivals = arrivalsOf(load.arrivals, load.rate, count, randomOf(load.seed, 1))
    this.#shock = correlation > 0 ? normals(count, load.seed) : null
  }

  run(counts: readonly TierCounts[]): Simulated {
    const passed: Passed[] = []
    let key = ''
    let arriving = this.#arrivals
    for (let i = 0; i < this.#tiers.length; i++) {
      const { replicas, shards, replication } = counts[i]!
      key += `|${replicas},${shards},${replication}`
      let through = this.#passed.get(key)
      if (through === undefined) {
        through = this.#pass(i, counts[i]!, arriving)
        // Enough for a search along one tier at a time; more would hold every combination in memory.
        if (this.#passed.size >= 24) this.#passed.delete(this.#passed.keys().next().value!)
        this.#passed.set(key, through)
      }
      passed.push(through)
      arriving = through.leaving
    }
    return this.#measured(passed)
  }

  #measured(passed: readonly Passed[]): Simulated {
    const { warmup, queries } = this.#load
    const since = (times: Float64Array, from: Float64Array): Float64Array => {
      const out = new Float64Array(queries)
      for (let i = 0; i < queries; i++) out[i] = times[i + warmup]! - from[i + warmup]!
      return out
    }
    const entering = (i: number): Float64Array => (i === 0 ? this.#arrivals : passed[i - 1]!.leaving)
    const firsts = passed.findLast((tier) => tier.firstToken !== null)?.firstToken ?? null
    return {
      latencyMs: since(passed.at(-1)!.leaving, this.#arrivals),
      tierMs: passed.map((tier, i) => since(tier.leaving, entering(i))),
      ttftMs: firsts === null ? null : since(firsts, this.#arrivals),
      tierTtftMs: passed.map((tier, i) =>
        tier.firstToken === null ? null : since(tier.firstToken, entering(i)),
      ),
      tierTpotMs: passed.map((tier) => {
        if (tier.firstToken === null) return null
        const decoding = since(tier.leaving, tier.firstToken)
        return decoding.map((time, i) => time / Math.max(1, tier.tokens![i + warmup]! - 1))
      }),
    }
  }

  #pass(index: number, counts: TierCounts, arriving: Float64Array): Passed {
    const tier = this.#tiers[index]!
    const shards = counts.shards ?? (tier.model.kind === 'fifo' ? tier.model.shards : 1)
    const requests = visitsOf(arriving.length, tier.visits, this.#load.seed + index)
    const times = new Float64Array(requests.length)
    for (let i = 0; i < requests.length; i++) times[i] = arriving[requests[i]!]!
    const order = orderOf(times)
    const all = this.#drawsOf(index, shards, requests)
    const sorted = new Float64Array(order.length)
    const draws = new Float64Array(order.length * shards)
    for (let i = 0; i < order.length; i++) {
      sorted[i] = times[order[i]!]!
      for (let part = 0; part < shards; part++) draws[i * shards + part] = all[order[i]! * shards + part]!
    }
    const behind = {
      replicas: counts.replicas,
      policy: tier.policy,
      slowdown: 1 + tier.contention * (counts.replicas - 1),
      shards,
      replication: counts.replication ?? 1,
      maxInFlight: Number.POSITIVE_INFINITY,
    }
    const served = serve(tier.model, behind, sorted, draws, randomOf(this.#load.seed, 900 + index))
    const leaving = arriving.slice()
    const firstToken = served.firstToken === null ? null : arriving.slice()
    const tokens = served.tokens === null ? null : new Float64Array(arriving.length)
    for (let i = 0; i < order.length; i++) {
      const query = requests[order[i]!]!
      if (served.leaving[i]! > leaving[query]!) leaving[query] = served.leaving[i]!
      if (firstToken !== null && served.firstToken![i]! > firstToken[query]!)
        firstToken[query] = served.firstToken![i]!
      if (tokens !== null) tokens[query] = Math.round(served.tokens![i]!)
    }
    return { leaving, firstToken, tokens }
  }

  #drawsOf(index: number, shards: number, requests: Int32Array): Draws {
    const key = `${index}:${shards}`
    const known = this.#draws.get(key)
    if (known !== undefined) return known
    const random = randomOf(this.#load.seed, 10 + index)
    const draws = new Float64Array(requests.length * shards)
    const common = Math.sqrt(this.#correlation)
    const own = Math.sqrt(1 - this.#correlation)
    const shock = this.#shock
    for (let i = 0; i < draws.length; i++) {
      const share = shock === null ? null : common * shock[requests[Math.floor(i / shards)]!]!
      draws[i] =
        share === null ? random.next() : Math.min(1 - 1e-9, normalDistribution(share + own * random.normal()))
    }
    this.#draws.set(key, draws)
    return draws
  }
}

/** The query of each request to a tier: each query as often as `visits` says, on average. */
function visitsOf(queries: number, visits: number, seed: number): Int32Array {
  if (visits === 1) {
    const all = new Int32Array(queries)
    for (let i = 0; i < queries; i++) all[i] = i
    return all
  }
  const random = randomOf(seed, 500)
  const whole = Math.floor(visits)
  const requests: number[] = []
  for (let query = 0; query < queries; query++) {
    const times = whole + (random.next() < visits - whole ? 1 : 0)
    for (let i = 0; i < times; i++) requests.push(query)
  }
  return Int32Array.from(requests)
}

function normals(count: number, seed: number): Float64Array {
  const random = randomOf(seed, 2)
  const out = new Float64Array(count)
  for (let i = 0; i < count; i++) out[i] = random.normal()
  return out
}
