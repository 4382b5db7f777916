/** One dimension of the search: a tier's count. */
export interface Axis {
  /** Fewest that may be, by utilization or availability, and most, by limits. */
  readonly least: number
  readonly most: number
  /** Price of one, in anything that is the same for all axes. */
  readonly price: number
  /** What `least` comes from. */
  readonly because: 'utilization' | 'availability'
}

export interface Found {
  readonly counts: readonly number[]
  /** Largest of predicted ÷ limit; at most 1 when every SLO is met. */
  readonly worst: number
  readonly feasible: boolean
  /** Whether every cheaper combination was ruled out. */
  readonly cheapest: boolean
  readonly evaluations: number
}

/**
 * The cheapest counts whose `worst` ratio is at most 1. `worst` must not grow when a count grows; so what a failing
 * combination bounds from above fails as well. `allowed` says whether shared limits (GPUs, budget) hold.
 *
 * Up from the least counts by the best gain a unit of price, down again, then every cheaper combination in the
 * order of its price until `evaluationLimit` simulations were spent.
 */
export function cheapestCounts(
  axes: readonly Axis[],
  worst: (counts: readonly number[]) => number,
  allowed: (counts: readonly number[]) => boolean,
  evaluationLimit: number,
): Found {
  const known = new Map<string, number>()
  let evaluations = 0
  const ratio = (counts: readonly number[]): number => {
    const key = counts.join()
    let value = known.get(key)
    if (value === undefined) {
      evaluations++
      value = worst(counts)
      known.set(key, value)
    }
    return value
  }
  const done = (counts: readonly number[], cheapest: boolean): Found => {
    const value = ratio(counts)
    const within = allowed(counts) && counts.every((n, i) => n <= axes[i]!.most)
    return { counts, worst: value, feasible: value <= 1 && within, cheapest, evaluations }
  }

  const least = axes.map((axis) => axis.least)
  if (!allowed(least) || axes.some((axis) => axis.least > axis.most)) return done(least, false)
  let counts = climbed(axes, least, ratio, allowed, evaluationLimit)
  if (ratio(counts) > 1) return done(counts, false)
  counts = lowered(axes, counts, ratio)

  const cheaper = combinationsBelow(axes, priceOf(axes, counts))
  if (cheaper === null) return done(counts, false)
  const failed: (readonly number[])[] = [...known]
    .filter(([, value]) => value > 1)
    .map(([key]) => key.split(',').map(Number))
  for (const combination of cheaper) {
    if (!allowed(combination) || failed.some((other) => combination.every((n, i) => n <= other[i]!))) continue
    if (evaluations >= evaluationLimit) return done(counts, false)
    if (ratio(combination) <= 1) return done(combination, true)
    failed.push(combination)
  }
  return done(counts, true)
}

function priceOf(axes: readonly Axis[], counts: readonly number[]): number {
  return counts.reduce((sum, n, i) => sum + n * axes[i]!.price, 0)
}

/** Adds one where it gains most for its price until the SLOs hold, nothing is allowed, or nothing gains any more. */
function climbed(
  axes: readonly Axis[],
  from: readonly number[],
  ratio: (counts: readonly number[]) => number,
  allowed: (counts: readonly number[]) => boolean,
  limit: number,
): readonly number[] {
  let counts = from
  for (let step = 0; step < limit && ratio(counts) > 1; step++) {
    const now = ratio(counts)
    let best: readonly number[] | null = null
    let bestGain = 0
    for (let i = 0; i < axes.length; i++) {
      const more = counts.map((n, j) => (i === j ? n + 1 : n))
      if (counts[i]! >= axes[i]!.most || !allowed(more)) continue
      const gain = (Math.log(now) - Math.log(ratio(more))) / axes[i]!.price
      if (gain > bestGain) {
        best = more
        bestGain = gain
      }
    }
    // Nothing within a ten-thousandth: more replicas do not help, and an SLO is out of reach.
    if (best === null || Math.log(now) - Math.log(ratio(best)) < 1e-4) return counts
    counts = best
  }
  return counts
}

/** Takes away, dearest first, while the SLOs hold. */
function lowered(
  axes: readonly Axis[],
  from: readonly number[],
  ratio: (counts: readonly number[]) => number,
): readonly number[] {
  let counts = from
  const dearestFirst = axes.map((_, i) => i).sort((a, b) => axes[b]!.price - axes[a]!.price)
  for (let again = true; again;) {
    again = false
    for (const i of dearestFirst) {
      const fewer = counts.map((n, j) => (i === j ? n - 1 : n))
      if (counts[i]! > axes[i]!.least && ratio(fewer) <= 1) {
        counts = fewer
        again = true
      }
    }
  }
  return counts
}

/** Every combination cheaper than `price`, cheapest first; null when there are more than is sensible. */
function combinationsBelow(axes: readonly Axis[], price: number): number[][] | null {
  const found: number[][] = []
  const most = 20_000
  const extend = (counts: number[], spent: number): boolean => {
    if (counts.length === axes.length) {
      found.push(counts)
      return found.length <= most
    }
    const axis = axes[counts.length]!
    const rest = axes.slice(counts.length + 1).reduce((sum, other) => sum + other.least * other.price, 0)
    for (let n = axis.least; n <= axis.most && spent + n * axis.price + rest < price * (1 - 1e-9); n++)
      if (!extend([...counts, n], spent + n * axis.price)) return false
    return true
  }
  if (!extend([], 0)) return null
  return found.sort((a, b) => priceOf(axes, a) - priceOf(axes, b))
}
