import type { ServiceLaw } from '../../../stack/stack.ts'
import type { Random } from './random.ts'

/** One service time in milliseconds. */
export function drawService(law: ServiceLaw, random: Random): number {
  switch (law.kind) {
    case 'fixed':
      return law.meanMs
    case 'exponential':
      return law.meanMs * random.exponential()
    case 'lognormal':
      return law.meanMs * random.lognormal(law.cv)
    case 'bimodal': {
      const fastMs = law.meanMs / (1 - law.slowShare + law.slowShare * law.slowFactor)
      return random.uniform() < law.slowShare ? fastMs * law.slowFactor : fastMs
    }
    default:
      return law satisfies never
  }
}
