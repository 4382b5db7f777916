/**
 * How well a percentile is known, so that two runs are called different only when noise does not explain it.
 *
 * Two intervals are made and the wider end of each is taken:
 * - order statistics: the ranks between which the quantile lies with 95 %, from the binomial law of how many
 *   samples fall below it, normal approximation (Conover, "Practical Nonparametric Statistics", 3rd ed.,
 *   §3.2). It needs nothing but counts, and takes samples for independent;
 * - a circular block bootstrap over the seconds of the measurement (Politis & Romano 1992; block length
 *   n^(1/3), Hall, Horowitz & Jing 1995), because latencies that share a queue are not independent.
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

const z95 = 1.959964
const replicates = 400
/** Fewer seconds than this are too few to be drawn again. */
const secondsNeeded = 10

/** A percentile of a series with its 95 % interval, milliseconds; null when it has no sample. */
export function estimatePercentile(series: Series, percentile: Percentile, random: Random): Estimate | null {
  const value = percentileNs(series.histogram, percentile)
  if (value === null) return null
  const byRank = rankInterval(series.histogram, shareOf(percentile))
  const byBlocks = blockBootstrap(series, percentile, random)
  return {
    value: value / 1e6,
    low: Math.min(value, byRank[0], byBlocks?.[0] ?? Infinity) / 1e6,
    high: Math.max(value, byRank[1], byBlocks?.[1] ?? 0) / 1e6,
  }
}

function rankInterval(histogram: Histogram, share: number): [number, number] {
  const n = histogram.count
  const deviation = z95 * Math.sqrt(n * share * (1 - share))
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

function blockBootstrap(series: Series, percentile: Percentile, random: Random): [number, number] | null {
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
    if (total > 0) found.push(atRank({ count: total, valuesNs, counts }, rank))
  }
  found.sort((a, b) => a - b)
  const at = (quantile: number): number =>
    found[Math.min(found.length - 1, Math.floor(quantile * found.length))] ?? 0
  return found.length === 0 ? null : [at(0.025), at(0.975)]
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

/** How many times `b` is `a`, with its 95 % interval. */
export function ratioOf(a: Estimate, b: Estimate): Estimate {
  const log = ({ value, low, high }: Estimate) => ({
    value: Math.log(value),
    low: Math.log(low),
    high: Math.log(high),
  })
  const [from, to] = [log(a), log(b)]
  const difference = to.value - from.value
  return {
    value: Math.exp(difference),
    low: Math.exp(difference - Math.hypot(to.value - to.low, from.high - from.value)),
    high: Math.exp(difference + Math.hypot(to.high - to.value, from.value - from.low)),
  }
}

/** The share of failures with its 95 % interval (Wilson 1927). */
export function estimateShare(failed: number, total: number): Estimate {
  if (total === 0) return { value: 0, low: 0, high: 1 }
  const share = failed / total
  const squared = z95 ** 2
  const centre = (share + squared / (2 * total)) / (1 + squared / total)
  const half =
    (z95 / (1 + squared / total)) * Math.sqrt((share * (1 - share)) / total + squared / (4 * total ** 2))
  return { value: share, low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
}

/** `b − a` with its 95 % interval (Newcombe 1998, method 10, which is MOVER on Wilson's limits). */
export function differenceOf(a: Estimate, b: Estimate): Estimate {
  const difference = b.value - a.value
  return {
    value: difference,
    low: difference - Math.hypot(b.value - b.low, a.high - a.value),
    high: difference + Math.hypot(b.high - b.value, a.value - a.low),
  }
}
