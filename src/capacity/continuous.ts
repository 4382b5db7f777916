import type { BalancerPolicy } from '../stack/stack.ts'
import { chooserOf } from './balancing.ts'
import { Departures } from './departures.ts'
import type { Random } from './random.ts'

export interface ContinuousTier {
  readonly replicas: number
  readonly policy: BalancerPolicy
  /** An iteration over b sequences takes `alphaMs + betaMs·b`, and, where it takes some up, `prefillOnceMs` and the prefill of each. */
  readonly alphaMs: number
  readonly betaMs: number
  readonly prefillOnceMs: number
  readonly maxSequences: number
  readonly slowdown: number
}

export interface Streamed {
  readonly leaving: Float64Array
  readonly firstToken: Float64Array
}

/**
 * When the first and the last token of each request leave. Sequences join at the next iteration while there is
 * room, and each gets a token an iteration. Iterations in which nothing joins or ends are taken in one leap.
 */
export function serveContinuous(
  tier: ContinuousTier,
  arrivals: Float64Array,
  prefillMs: Float64Array,
  outputTokens: Float64Array,
  random: Random,
): Streamed {
  const leaving = new Float64Array(arrivals.length)
  const firstToken = new Float64Array(arrivals.length)
  const inSystem = new Int32Array(tier.replicas)
  const engines = Array.from({ length: tier.replicas }, (_, replica) => engineOf(replica))
  const choose = chooserOf(tier.policy, tier.replicas, random)

  function engineOf(replica: number) {
    const waiting: number[] = []
    let nextWaiting = 0
    // Running sequences by the iteration in which each gets its last token.
    const running = new Departures()
    let iteration = 0
    // The end of the last iteration begun.
    let time = Number.NEGATIVE_INFINITY

    /** Begins iterations until one ends after `now`, or nothing is left to do. */
    const advance = (now: number): void => {
      while (time <= now) {
        while (running.size > 0 && running.first <= iteration) {
          leaving[running.pop()] = time
          inSystem[replica]!--
        }
        let prefill = 0
        let joined = 0
        while (nextWaiting < waiting.length && running.size < tier.maxSequences) {
          const request = waiting[nextWaiting++]!
          prefill += prefillMs[request]!
          running.push(iteration + Math.max(1, Math.round(outputTokens[request]!)), request)
          joined++
        }
        if (running.size === 0) return
        const step = (tier.alphaMs + tier.betaMs * running.size) * tier.slowdown
        if (joined > 0) {
          time += step + (tier.prefillOnceMs + prefill) * tier.slowdown
          iteration++
          for (let k = nextWaiting - joined; k < nextWaiting; k++) firstToken[waiting[k]!] = time
          if (nextWaiting > 4096) nextWaiting -= waiting.splice(0, nextWaiting).length
        } else {
          const untilEnd = running.first - iteration
          const untilNow = Number.isFinite(now) ? Math.floor((now - time) / step) + 1 : untilEnd
          const leap = Math.max(1, Math.min(untilEnd, untilNow))
          time += leap * step
          iteration += leap
        }
      }
    }
    return {
      advance,
      admit: (request: number, now: number): void => {
        if (time < now) time = now
        waiting.push(request)
      },
      /** Takes up what has come, when idle. */
      begin: (now: number): void => {
        if (time <= now) advance(now)
      },
    }
  }

  for (let i = 0; i < arrivals.length; i++) {
    const now = arrivals[i]!
    for (const engine of engines) engine.advance(now)
    const replica = choose(inSystem)
    inSystem[replica]!++
    const engine = engines[replica]!
    engine.admit(i, now)
    engine.begin(now)
  }
  for (const engine of engines) engine.advance(Number.MAX_VALUE)
  return { leaving, firstToken }
}
