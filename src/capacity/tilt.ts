import { tableCv, tableMean, tableOf, tableSize, type Table } from './distribution.ts'

/**
 * The law closest to this one that has another mean (exponential tilting, the least Kullback–Leibler divergence):
 * when a mean is off by chance, it is off because the slow requests came more or less often, not because all of
 * them are quicker. Where the law is too narrow for that, every value is scaled.
 */
export function withMean(law: Table, mean: number): Table {
  const now = tableMean(law)
  const cv = tableCv(law)
  const scaled = law.map((value) => (value * mean) / now)
  const apart = mean / now - 1
  if (cv < 0.05 || Math.abs(apart) > cv / 2) return scaled
  // To first order the mean moves by θ·variance; twice that on either side holds the solution.
  let low = Math.min(0, (4 * apart) / (cv * cv))
  let high = Math.max(0, (4 * apart) / (cv * cv))
  // A power of more than this would let the single slowest value rule.
  const strongest = (3 * now) / law[tableSize - 1]!
  low = Math.max(low, -8)
  high = Math.min(high, strongest)
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2
    if (tiltedMean(law, middle, now) < mean) low = middle
    else high = middle
  }
  const tilted = requantised(law, (low + high) / 2, now)
  const reached = tableMean(tilted)
  return tilted.map((value) => (value * mean) / reached)
}

function tiltedMean(law: Table, theta: number, unit: number): number {
  let sum = 0
  let weights = 0
  for (let i = 0; i < law.length; i++) {
    const weight = Math.exp((theta * law[i]!) / unit)
    weights += weight
    sum += weight * law[i]!
  }
  return sum / weights
}

function requantised(law: Table, theta: number, unit: number): Table {
  return tableOf(Array.from(law, (value) => [value, Math.exp((theta * value) / unit)] as const))
}

/** The law with its slowest twentieth stretched, up to `factor` at its end. */
export function withTail(law: Table, factor: number): Table {
  const from = 0.95
  return law.map((value, i) => {
    const place = (i + 0.5) / tableSize
    return place <= from ? value : value * factor ** ((place - from) / (1 - from))
  })
}
