import type { BalancerPolicy } from '../stack/stack.ts'
import { chooserOf } from './balancing.ts'
import { tableSize, type Table } from './distribution.ts'
import type { Random } from './random.ts'

export interface BatchingTier {
  readonly replicas: number
  readonly policy: BalancerPolicy
  /** A batch takes `alphaMs` + the own time of each request in it, times one draw of `noise`. */
  readonly alphaMs: number
  readonly noise: Table
  /** Own time that a batch may hold; a lone request is always taken. */
  readonly maxOwnMs: number
  readonly slowdown: number
}

/**
 * When each request leaves a tier whose replicas run one batch at a time: what comes while one runs waits, and the
 * next takes as much of it as fits. `arrivals` ascend.
 */
export function serveBatching(
  tier: BatchingTier,
  arrivals: Float64Array,
  own: Float64Array,
  random: Random,
): Float64Array {
  const { replicas } = tier
  const leaving = new Float64Array(arrivals.length)
  const inSystem = new Int32Array(replicas)
  const inBatch = new Int32Array(replicas)
  const busyUntil = new Float64Array(replicas)
  // Each replica's queue is a chain of requests.
  const head = new Int32Array(replicas).fill(-1)
  const tail = new Int32Array(replicas).fill(-1)
  const behind = new Int32Array(arrivals.length).fill(-1)
  const choose = chooserOf(tier.policy, replicas, random)

  const start = (replica: number, now: number): void => {
    let size = 0
    let work = 0
    const first = head[replica]!
    let request = first
    while (request >= 0 && (size === 0 || work + own[request]! <= tier.maxOwnMs)) {
      work += own[request]!
      size++
      request = behind[request]!
    }
    const noise = tier.noise[Math.floor(random.next() * tableSize)]!
    const end = now + (tier.alphaMs + work) * noise * tier.slowdown
    for (let member = first; member !== request; member = behind[member]!) leaving[member] = end
    head[replica] = request
    if (request < 0) tail[replica] = -1
    inBatch[replica] = size
    busyUntil[replica] = end
  }

  const advance = (replica: number, now: number): void => {
    while (inBatch[replica]! > 0 && busyUntil[replica]! <= now) {
      inSystem[replica]! -= inBatch[replica]!
      inBatch[replica] = 0
      if (head[replica]! >= 0) start(replica, busyUntil[replica]!)
    }
  }

  for (let i = 0; i < arrivals.length; i++) {
    const now = arrivals[i]!
    for (let replica = 0; replica < replicas; replica++) advance(replica, now)
    const replica = choose(inSystem)
    inSystem[replica]!++
    if (tail[replica]! >= 0) behind[tail[replica]!] = i
    else head[replica] = i
    tail[replica] = i
    if (inBatch[replica] === 0) start(replica, now)
  }
  for (let replica = 0; replica < replicas; replica++) advance(replica, Number.POSITIVE_INFINITY)
  return leaving
}
