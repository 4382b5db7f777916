import type { BalancerPolicy } from '../stack/stack.ts'
import type { Random } from './random.ts'

/** Chooses a replica for the next request, given how many requests each has. */
export type Choose = (inSystem: Int32Array) => number

export function chooserOf(policy: BalancerPolicy, replicas: number, random: Random): Choose {
  if (replicas === 1) return () => 0
  let turn = -1
  switch (policy) {
    case 'round-robin':
      return () => (turn = (turn + 1) % replicas)
    case 'random':
      return () => Math.floor(random.next() * replicas)
    case 'least-connections':
      // Ties go round, or the first replica would take all of a light load.
      return (inSystem) => {
        let best = (turn + 1) % replicas
        let least = inSystem[best]!
        for (let i = 1, at = best; i < replicas && least > 0; i++) {
          at = at + 1 === replicas ? 0 : at + 1
          if (inSystem[at]! < least) {
            least = inSystem[at]!
            best = at
          }
        }
        turn = best
        return best
      }
  }
}
