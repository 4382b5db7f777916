import type { BalancerPolicy } from '../stack/stack.ts'
import { chooserOf } from './balancing.ts'
import { Departures } from './departures.ts'
import type { Random } from './random.ts'

export interface FifoTier {
  readonly replicas: number
  /** Requests that one replica serves at the same time; the rest wait, first come first served. */
  readonly servers: number
  readonly policy: BalancerPolicy
  /** Shards that each request searches, and on how many nodes each of them is. */
  readonly shards?: number
  readonly replication?: number
  /** Requests in the tier beyond which one more is shed. */
  readonly maxInFlight?: number
}

/**
 * When each request leaves a tier of `replicas` × `servers` behind a balancer: the Kiefer–Wolfowitz recursion
 * for each replica. `arrivals` ascend; `services` has one time a request, or `shards` of them.
 * A request that is shed leaves at NaN.
 */
export function serveFifo(
  tier: FifoTier,
  arrivals: Float64Array,
  services: Float64Array,
  random: Random,
): Float64Array {
  return (tier.shards ?? 1) > 1
    ? serveShards(tier, arrivals, services, random)
    : serveWhole(tier, arrivals, services, random)
}

function serveWhole(
  tier: FifoTier,
  arrivals: Float64Array,
  services: Float64Array,
  random: Random,
): Float64Array {
  const { replicas, servers } = tier
  const limit = tier.maxInFlight ?? Number.POSITIVE_INFINITY
  const leaving = new Float64Array(arrivals.length)
  const free = new Float64Array(replicas * servers)
  const inSystem = new Int32Array(replicas)
  const departures = new Departures()
  const choose = chooserOf(tier.policy, replicas, random)
  const counted = replicas > 1 || Number.isFinite(limit)

  for (let i = 0; i < arrivals.length; i++) {
    const now = arrivals[i]!
    if (counted) {
      while (departures.first <= now) inSystem[departures.pop()]!--
      if (departures.size >= limit) {
        leaving[i] = Number.NaN
        continue
      }
    }
    const replica = choose(inSystem)
    const end = serveOne(free, replica * servers, servers, now, services[i]!)
    leaving[i] = end
    if (counted) {
      inSystem[replica]!++
      departures.push(end, replica)
    }
  }
  return leaving
}

/** The slowest shard counts. A node searches its own shards, and asks any that has them for the rest. */
function serveShards(
  tier: FifoTier,
  arrivals: Float64Array,
  services: Float64Array,
  random: Random,
): Float64Array {
  const { replicas, servers } = tier
  const shards = tier.shards ?? 1
  const copies = Math.min(tier.replication ?? 1, replicas)
  const limit = tier.maxInFlight ?? Number.POSITIVE_INFINITY
  const leaving = new Float64Array(arrivals.length)
  const free = new Float64Array(replicas * servers)
  const inSystem = new Int32Array(replicas)
  const departures = new Departures()
  const choose = chooserOf(tier.policy, replicas, random)

  for (let i = 0; i < arrivals.length; i++) {
    const now = arrivals[i]!
    while (departures.first <= now) inSystem[departures.pop()]!--
    if (departures.size >= limit) {
      leaving[i] = Number.NaN
      continue
    }
    const asked = choose(inSystem)
    let last = now
    for (let shard = 0; shard < shards; shard++) {
      // Copies are laid out one after another, so that every node has as many as the next.
      const first = shard * copies
      const own = (((asked - first) % replicas) + replicas) % replicas < copies
      const node = own ? asked : (first + Math.floor(random.next() * copies)) % replicas
      const end = serveOne(free, node * servers, servers, now, services[i * shards + shard]!)
      if (end > last) last = end
    }
    leaving[i] = last
    inSystem[asked]!++
    departures.push(last, asked)
  }
  return leaving
}

/** Gives the work to the server of this replica that is free first; returns when it ends. */
function serveOne(free: Float64Array, from: number, servers: number, now: number, service: number): number {
  let first = from
  for (let server = from + 1; server < from + servers; server++)
    if (free[server]! < free[first]!) first = server
  const end = (free[first]! > now ? free[first]! : now) + service
  free[first] = end
  return end
}
