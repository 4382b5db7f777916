/**
 * How well a percentile is known, so that two runs are called different only when noise does not explain it.
 *
 * Two intervals are made and the wider end of each is taken:
 * - order statistics: the ranks between which the quantile lies, from the binomial law of how many samples
 *   fall below it, normal approximation (Conover, "Practical Nonparametric Statistics", 3rd ed., §3.2). It
 *   needs nothing but counts, and takes samples for independent;
 * - a circular block bootstrap over the seconds of the measurement (Politis & Romano 1992; block length
 *   n^(1/3), Hall, Horowitz & Jing 1995), because latencies that share a queue are not independent. Its
 *   standard deviation on the logarithm gives an interval of any confidence.
 * The interval of a ratio comes from those of its two parts (MOVER: Zou & Donner, Statistics in Medicine 27,
 * 2008), on the logarithm.
 */
import { percentileNs, shareOf, type Histogram } from './histogram.ts'
import type { Percentile } from '../stack/stack.ts'
import type { Series } from './series.ts'

/** Uniform on 0 … 1. */
export type Random = () => number

export interface Estimate {
  readonly value: number
  readonly low: number
  /** Infinity when the samples do not bound it. */
  readonly high: number
}

/** Standard normal quantile of a two-sided 95 % interval. */
export const z95 = 1.959964

const replicates = 300
/** Fewer seconds than this are too few to be drawn again. */
const secondsNeeded = 10

/** A value whose interval can be had at any confidence, by its standard normal quantile. */
export interface Known {
  readonly value: number
  at(z: number): Estimate
}

/** A percentile of a series, milliseconds; null when it has no sample. */
export function knownPercentile(series: Series, percentile: Percentile, random: Random): Known | null {
  const value = percentileNs(series.histogram, percentile)
  if (value === null) return null
  const deviation = bootstrapDeviation(series, percentile, random)
  return {
    value: value / 1e6,
    at: (z) => {
      const [low, high] = rankInterval(series.histogram, shareOf(percentile), z)
      const factor = Math.exp(z * (deviation ?? 0))
      return {
        value: value / 1e6,
        low: Math.min(low, value / factor) / 1e6,
        high: Math.max(high, value * factor) / 1e6,
      }
    },
  }
}

function rankInterval(histogram: Histogram, share: number, z: number): [number, number] {
  const n = histogram.count
  const deviation = z * Math.sqrt(n * share * (1 - share))
  const lowRank = Math.floor(n * share - deviation)
  const highRank = Math.ceil(n * share + deviation) + 1
  return [lowRank < 1 ? 0 : atRank(histogram, lowRank), highRank > n ? Infinity : atRank(histogram, highRank)]
}

function atRank(histogram: Histogram, rank: number): number {
  let seen = 0
  for (let index = 0; index < histogram.counts.length; index++) {
    seen += histogram.counts[index] ?? 0
    if (seen >= rank) return histogram.valuesNs[index] ?? 0
  }
  return Infinity
}

/** Standard deviation of the percentile's logarithm; null when there are too few seconds. */
function bootstrapDeviation(series: Series, percentile: Percentile, random: Random): number | null {
  const seconds = placesOf(series)
  if (seconds.length < secondsNeeded) return null
  const { valuesNs } = series.histogram
  const blockLength = Math.ceil(Math.cbrt(seconds.length))
  const share = shareOf(percentile)
  const found: number[] = []
  const counts = new Float64Array(valuesNs.length)
  for (let replicate = 0; replicate < replicates; replicate++) {
    counts.fill(0)
    let total = 0
    for (let drawn = 0; drawn < seconds.length; drawn += blockLength) {
      const start = Math.floor(random() * seconds.length)
      const length = Math.min(blockLength, seconds.length - drawn)
      for (let offset = 0; offset < length; offset++) {
        const second = seconds[(start + offset) % seconds.length]
        if (second !== undefined) total += addSecond(second, counts)
      }
    }
    const rank = Math.max(1, Math.ceil(share * total - 1e-9))
    if (total > 0) found.push(Math.log(Math.max(1, atRank({ count: total, valuesNs, counts }, rank))))
  }
  if (found.length < 2) return null
  const mean = found.reduce((sum, value) => sum + value, 0) / found.length
  return Math.sqrt(found.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (found.length - 1))
}

interface Second {
  /** Where each of its values stands among those of the whole series. */
  readonly places: Int32Array
  readonly histogram: Histogram
}

function placesOf(series: Series): Second[] {
  const places = new Map(Array.from(series.histogram.valuesNs, (value, index) => [value, index] as const))
  return series.intervals.map(({ histogram }) => ({
    histogram,
    places: Int32Array.from(histogram.valuesNs, (value) => places.get(value) ?? 0),
  }))
}

function addSecond({ places, histogram }: Second, counts: Float64Array): number {
  for (let index = 0; index < places.length; index++) {
    const place = places[index] ?? 0
    counts[place] = (counts[place] ?? 0) + (histogram.counts[index] ?? 0)
  }
  return histogram.count
}

/** How many times `b` is `a`. */
export function ratioOf(a: Known, b: Known): Known {
  return {
    value: b.value / a.value,
    at: (z) => {
      const [from, to] = [logarithm(a.at(z)), logarithm(b.at(z))]
      const difference = to.value - from.value
      return {
        value: Math.exp(difference),
        low: Math.exp(difference - Math.hypot(to.value - to.low, from.high - from.value)),
        high: Math.exp(difference + Math.hypot(to.high - to.value, from.value - from.low)),
      }
    },
  }
}

function logarithm({ value, low, high }: Estimate): Estimate {
  return { value: Math.log(value), low: Math.log(low), high: Math.log(high) }
}

/** The share of failures (Wilson 1927). */
export function knownShare(failed: number, total: number): Known {
  const share = total === 0 ? 0 : failed / total
  return {
    value: share,
    at: (z) => {
      if (total === 0) return { value: 0, low: 0, high: 1 }
      const squared = z ** 2
      const centre = (share + squared / (2 * total)) / (1 + squared / total)
      const half =
        (z / (1 + squared / total)) * Math.sqrt((share * (1 - share)) / total + squared / (4 * total ** 2))
      return { value: share, low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
    },
  }
}

/** `b − a` of two shares (Newcombe 1998, method 10, which is MOVER on Wilson's limits). */
export function differenceOf(a: Known, b: Known): Known {
  const value = b.value - a.value
  return {
    value,
    at: (z) => {
      const [from, to] = [a.at(z), b.at(z)]
      return {
        value,
        low: value - Math.hypot(to.value - to.low, from.high - from.value),
        high: value + Math.hypot(to.high - to.value, from.value - from.low),
      }
    },
  }
}

/**
 * The standard normal quantile that leaves `share` above it (Abramowitz & Stegun 26.2.23; error < 4.5e-4).
 * @param share 0 < share ≤ 0.5
 */
export function normalQuantileAbove(share: number): number {
  const t = Math.sqrt(-2 * Math.log(share))
  return (
    t -
    (2.515517 + 0.802853 * t + 0.010328 * t ** 2) / (1 + 1.432788 * t + 0.189269 * t ** 2 + 0.001308 * t ** 3)
  )
}
