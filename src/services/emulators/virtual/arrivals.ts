import type { Arrivals } from '../../../stack/stack.ts'
import type { Random } from '../cores/random.ts'

/** Draws the gaps between arrivals, in milliseconds. A trace has no law to draw from: it throws. */
export function gaps(arrivals: Arrivals, ratePerSecond: number, random: Random): () => number {
  if (!(ratePerSecond > 0)) throw new RangeError(`a rate must be above 0, not ${ratePerSecond}`)
  const meanMs = 1000 / ratePerSecond
  switch (arrivals.kind) {
    case 'constant':
      return () => meanMs
    case 'poisson':
      return () => meanMs * random.exponential()
    case 'gamma': {
      // Burstiness is the gaps' squared coefficient of variation, which is 1/shape.
      const { burstiness } = arrivals
      return () => meanMs * burstiness * random.gamma(1 / burstiness)
    }
    case 'trace':
      throw new RangeError(
        'virtual time draws its arrivals: give poisson, constant or gamma instead of a trace',
      )
    default:
      return arrivals satisfies never
  }
}
