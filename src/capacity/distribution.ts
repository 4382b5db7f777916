import type { Distribution } from './types.ts'

/** How many equally likely values stand for a law in a simulation. */
export const tableSize = 2048

/** A law as `tableSize` equally likely values, ascending: entry i is the mean of that part of the law. */
export type Table = Float64Array

export function countOf(distribution: Distribution): number {
  let count = 0
  for (const [, n] of distribution) count += n
  return count
}

export function meanOf(distribution: Distribution): number {
  let sum = 0
  let count = 0
  for (const [value, n] of distribution) {
    sum += value * n
    count += n
  }
  return count === 0 ? Number.NaN : sum / count
}

/** Nearest rank, as everywhere in ragscale. Infinity beyond the last value, NaN of nothing. */
export function quantileOf(distribution: Distribution, probability: number): number {
  const count = countOf(distribution)
  if (count === 0) return Number.NaN
  if (probability > 1) return Number.POSITIVE_INFINITY
  const rank = Math.max(1, Math.ceil(probability * count - 1e-9))
  let seen = 0
  for (const [value, n] of distribution) {
    seen += n
    if (seen >= rank) return value
  }
  return distribution.at(-1)![0]
}

/** Several quantiles in one pass; `probabilities` ascending. */
export function quantilesOf(distribution: Distribution, probabilities: ArrayLike<number>): Float64Array {
  const count = countOf(distribution)
  const out = new Float64Array(probabilities.length).fill(Number.NaN)
  if (count === 0) return out
  let bin = 0
  let seen = distribution[0]![1]
  for (let i = 0; i < out.length; i++) {
    const rank = Math.max(1, Math.ceil(probabilities[i]! * count - 1e-9))
    while (seen < rank && bin < distribution.length - 1) seen += distribution[++bin]![1]
    out[i] = distribution[bin]![0]
  }
  return out
}

/** The quantile of values that are sorted already, nearest rank. */
export function quantileOfSorted(sorted: Float64Array, probability: number): number {
  if (sorted.length === 0) return Number.NaN
  if (probability > 1) return Number.POSITIVE_INFINITY
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(probability * sorted.length - 1e-9) - 1))]!
}

/** The whole law as a table; each bin's mean, so the mean of the law is kept. */
export function tableOf(distribution: Distribution): Table {
  const table = new Float64Array(tableSize)
  const count = countOf(distribution)
  if (count === 0) return table
  const perBin = count / tableSize
  let bin = 0
  let left = distribution[0]![1]
  for (let i = 0; i < tableSize; i++) {
    let need = perBin
    let sum = 0
    while (need > 1e-12 * perBin) {
      if (left <= 0) {
        if (bin === distribution.length - 1) {
          sum += need * distribution[bin]![0]
          break
        }
        left = distribution[++bin]![1]
        continue
      }
      const take = Math.min(need, left)
      sum += take * distribution[bin]![0]
      need -= take
      left -= take
    }
    table[i] = sum / perBin
  }
  return table
}

export function tableMean(table: Table): number {
  let sum = 0
  for (let i = 0; i < table.length; i++) sum += table[i]!
  return sum / table.length
}

/** Coefficient of variation. */
export function tableCv(table: Table): number {
  const mean = tableMean(table)
  if (mean <= 0) return 0
  let sum = 0
  for (let i = 0; i < table.length; i++) sum += (table[i]! - mean) ** 2
  return Math.sqrt(sum / table.length) / mean
}

/** One histogram of several. */
export function pooled(distributions: readonly Distribution[]): Distribution {
  const counts = new Map<number, number>()
  for (const distribution of distributions)
    for (const [value, n] of distribution) counts.set(value, (counts.get(value) ?? 0) + n)
  return [...counts].sort((a, b) => a[0] - b[0])
}
