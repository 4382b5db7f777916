import { seededRandom } from '../emulators/cores/random.ts'
import type { BalancerPolicy } from './config.ts'

/** Chooses among those that `usable` accepts; undefined when it accepts none. */
export type Pick = <Candidate extends { readonly inFlight: number }>(
  candidates: readonly Candidate[],
  usable: (candidate: Candidate) => boolean,
) => Candidate | undefined

/** A policy with its own memory: the turn of round-robin, the generator of random. */
export function pickBy(policy: BalancerPolicy, seed: number): Pick {
  return policies[policy](seed)
}

const policies: Record<BalancerPolicy, (seed: number) => Pick> = {
  'least-connections': leastConnections,
  'round-robin': roundRobin,
  random: uniformly,
}

/** Ties go round, so that an idle tier is used evenly and not from the first replica on. */
function leastConnections(): Pick {
  let turn = 0
  return (candidates, usable) => {
    const from = turn++
    let best: (typeof candidates)[number] | undefined
    for (let step = 0; step < candidates.length; step++) {
      const candidate = candidates[(from + step) % candidates.length]
      if (candidate === undefined || !usable(candidate)) continue
      if (best === undefined || candidate.inFlight < best.inFlight) best = candidate
    }
    return best
  }
}

function roundRobin(): Pick {
  let next = 0
  return (candidates, usable) => {
    for (let step = 0; step < candidates.length; step++) {
      const index = (next + step) % candidates.length
      const candidate = candidates[index]
      if (candidate === undefined || !usable(candidate)) continue
      next = index + 1
      return candidate
    }
    return undefined
  }
}

function uniformly(seed: number): Pick {
  const random = seededRandom(seed, 'balancer')
  return (candidates, usable) => {
    const able = candidates.filter((candidate) => usable(candidate))
    return able[random.below(able.length)]
  }
}
