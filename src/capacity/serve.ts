import type { BalancerPolicy } from '../stack/stack.ts'
import { serveBatching } from './batching.ts'
import { serveContinuous } from './continuous.ts'
import { tableMean, tableSize, type Table } from './distribution.ts'
import { serveFifo } from './fifo.ts'
import type { TierModel } from './model.ts'
import type { Random } from './random.ts'

/** What stands behind one balancer. */
export interface Behind {
  readonly replicas: number
  readonly policy: BalancerPolicy
  /** Multiplies every service time: what replicas cost each other. */
  readonly slowdown: number
  readonly shards: number
  readonly replication: number
  readonly maxInFlight: number
}

export interface Served {
  /** When each request leaves; NaN where it was shed. */
  readonly leaving: Float64Array
  /** When its first token leaves, where the tier has tokens. */
  readonly firstToken: Float64Array | null
  /** How many tokens each request is answered with. */
  readonly tokens: Float64Array | null
}

/** Where in its law each request lies, 0 … 1; parts of one request follow each other. */
export type Draws = Float64Array

/** Runs `arrivals` (ascending, ms) through a tier. */
export function serve(
  model: TierModel,
  behind: Behind,
  arrivals: Float64Array,
  draws: Draws,
  random: Random,
): Served {
  switch (model.kind) {
    case 'fifo': {
      const services = drawn(model.service, draws, behind.slowdown)
      const leaving = serveFifo({ ...behind, servers: model.servers }, arrivals, services, random)
      return { leaving: later(leaving, model.overheadMs), firstToken: null, tokens: null }
    }
    case 'batching': {
      const own = drawn(model.own, draws, 1)
      const maxOwnMs = model.maxBatch * tableMean(model.own)
      const leaving = serveBatching(
        { ...behind, alphaMs: model.alphaMs, noise: model.noise, maxOwnMs },
        arrivals,
        own,
        random,
      )
      return { leaving: later(leaving, model.overheadMs), firstToken: null, tokens: null }
    }
    case 'continuous': {
      const tokens = drawn(model.outputTokens, draws, 1)
      const prefill = new Float64Array(arrivals.length)
      for (let i = 0; i < prefill.length; i++)
        prefill[i] = model.prefill[Math.floor(random.next() * tableSize)]!
      const { leaving, firstToken } = serveContinuous(
        { ...behind, ...model },
        arrivals,
        prefill,
        tokens,
        random,
      )
      return {
        leaving: later(leaving, model.overheadMs),
        firstToken: later(firstToken, model.overheadMs),
        tokens,
      }
    }
    case 'independent': {
      const after = (table: Table): Float64Array => {
        const times = drawn(table, draws, 1)
        for (let i = 0; i < times.length; i++) times[i]! += arrivals[i]!
        return times
      }
      const leaving = after(model.latency)
      if (model.ttft === null) return { leaving, firstToken: null, tokens: null }
      const firstToken = after(model.ttft)
      for (let i = 0; i < leaving.length; i++) firstToken[i] = Math.min(firstToken[i]!, leaving[i]!)
      return { leaving, firstToken, tokens: new Float64Array(leaving.length).fill(model.outputTokens) }
    }
  }
}

/** Values of a law at these places in it. */
export function drawn(table: Table, draws: Draws, factor: number): Float64Array {
  const values = new Float64Array(draws.length)
  for (let i = 0; i < draws.length; i++) values[i] = factor * table[Math.floor(draws[i]! * tableSize)]!
  return values
}

function later(times: Float64Array, byMs: number): Float64Array {
  if (byMs !== 0) for (let i = 0; i < times.length; i++) times[i]! += byMs
  return times
}
