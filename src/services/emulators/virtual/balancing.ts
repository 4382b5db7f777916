import type { BalancerPolicy } from '../../../stack/stack.ts'
import type { Random } from '../cores/random.ts'

/** Chooses the replica of a request; `inFlight` is asked only where the policy looks at it. */
export type Choose = (inFlight: (replica: number) => number) => number

/** Ties between the least loaded are broken at random: always the first would make them unequal. */
export function chooser(policy: BalancerPolicy, replicas: number, random: Random): Choose {
  if (replicas === 1) return () => 0
  switch (policy) {
    case 'random':
      return () => random.below(replicas)
    case 'round-robin': {
      let next = 0
      return () => next++ % replicas
    }
    case 'least-connections':
      return (inFlight) => {
        let best = 0
        let least = Infinity
        let ties = 0
        for (let replica = 0; replica < replicas; replica++) {
          const count = inFlight(replica)
          if (count > least) continue
          if (count < least) {
            least = count
            ties = 0
          }
          ties++
          if (ties === 1 || random.below(ties) === 0) best = replica
        }
        return best
      }
    default:
      return policy satisfies never
  }
}
