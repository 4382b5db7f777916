import type { ArrivalLaw } from './types.ts'
import { gammaOf, type Random } from './random.ts'

/** `count` arrival times in milliseconds, ascending, at `rate` a second. */
export function arrivalsOf(law: ArrivalLaw, rate: number, count: number, random: Random): Float64Array {
  const times = new Float64Array(count)
  const gapMs = 1000 / rate
  let now = 0
  for (let i = 0; i < count; i++) {
    now += gapMs * gapOf(law, random)
    times[i] = now
  }
  return times
}

/** A gap relative to its mean. */
function gapOf(law: ArrivalLaw, random: Random): number {
  switch (law.kind) {
    case 'poisson':
      return random.exponential()
    case 'constant':
      return 1
    case 'gamma':
      return law.burstiness <= 0 ? 1 : gammaOf(random, 1 / law.burstiness)
  }
}
