import type { Predicate } from '../filter/filter.ts'
import { comparableNumber } from '../filter/range.ts'
import { elementsAt, parsePath } from '../filter/path.ts'
import { hashText } from '../../hash.ts'
import { isMissed } from '../search/recall.ts'
import { topK } from '../search/top-k.ts'
import { comparePointIds, pointIdText, type PointId } from '../wire/point-id.ts'
import { float32Text } from '../wire/number-text.ts'
import { payloadText, type PayloadSelector } from './payload.ts'
import type { Points } from './points.ts'

/** One point of an answer, with what was asked of it as JSON text already. */
export interface Hit {
  readonly id: PointId
  readonly version: number
  /** The score, or the number that the answer is ordered by. */
  readonly score: number
  readonly payload: string | null
  readonly vector: string | null
}

export interface Shown {
  readonly payload: PayloadSelector
  readonly vector: boolean
}

export interface NearestQuery {
  readonly vector: Float32Array
  readonly limit: number
  readonly accept: Predicate | null
  readonly threshold: number | null
  /** What the approximation misses; chance 0 finds everything. */
  readonly miss: { readonly chance: number; readonly queryHash: number; readonly seed: number }
}

/** The nearest points of a shard, nearest first. */
export function nearest(points: Points, query: NearestQuery, shown: Shown): Hit[] {
  const { metric } = points.vectors
  const sums = points.vectors.scores(query.vector)
  const { chance, queryHash, seed } = query.miss
  const accept = (index: number): boolean => {
    const id = points.idAt(index)
    if (chance > 0 && isMissed(chance, hashText(pointIdText(id)), queryHash, seed)) return false
    return query.accept === null || query.accept(id, points.payloadAt(index))
  }
  const needed = chance > 0 || query.accept !== null
  const found = topK(sums, {
    largerIsNearer: metric.largerIsNearer,
    count: points.count,
    limit: query.limit,
    accept: needed ? accept : undefined,
  })
  // Showing a hit may not disturb the scores: they are read first.
  const scored = found.map((index) => ({ index, score: metric.score(sums[index]!) }))
  const { threshold } = query
  return scored
    .filter(
      ({ score }) => threshold === null || (metric.largerIsNearer ? score > threshold : score < threshold),
    )
    .map(({ index, score }) => hitAt(points, index, score, shown))
}

/** Points by id, from `from` on. */
export function page(
  points: Points,
  from: PointId | null,
  limit: number,
  accept: Predicate | null,
  shown: Shown,
): Hit[] {
  const ids = points.sortedIds()
  const hits: Hit[] = []
  for (let at = from === null ? 0 : firstFrom(ids, from); at < ids.length && hits.length < limit; at++) {
    const index = points.indexOf(ids[at]!)!
    if (accept === null || accept(ids[at]!, points.payloadAt(index)))
      hits.push(hitAt(points, index, 0, shown))
  }
  return hits
}

export interface OrderBy {
  readonly key: string
  readonly descending: boolean
  /** Only values from here on, in the order's direction. */
  readonly startFrom: number | null
  /** Whether the values are dates: their order is that of their instants. */
  readonly dates: boolean
}

/** Points by a number or date of their payload; the value comes as the score. Points without one are left out. */
export function ordered(
  points: Points,
  order: OrderBy,
  limit: number,
  accept: Predicate | null,
  shown: Shown,
): Hit[] {
  const path = parsePath(order.key) ?? [order.key]
  const sign = order.descending ? -1 : 1
  const found: { index: number; value: number }[] = []
  for (let index = 0; index < points.count; index++) {
    const payload = points.payloadAt(index)
    if (accept !== null && !accept(points.idAt(index), payload)) continue
    for (const element of elementsAt(payload, path)) {
      const value = comparableNumber(element, order.dates)
      if (value === null || (order.startFrom !== null && sign * (value - order.startFrom) < 0)) continue
      found.push({ index, value })
    }
  }
  found.sort(
    (a, b) => sign * (a.value - b.value) || comparePointIds(points.idAt(a.index), points.idAt(b.index)),
  )
  return found.slice(0, limit).map(({ index, value }) => hitAt(points, index, value, shown))
}

/** Those of the ids that are here. */
export function byIds(points: Points, ids: readonly PointId[], shown: Shown): Hit[] {
  const hits: Hit[] = []
  for (const id of ids) {
    const index = points.indexOf(id)
    if (index !== undefined) hits.push(hitAt(points, index, 0, shown))
  }
  return hits
}

function hitAt(points: Points, index: number, score: number, shown: Shown): Hit {
  return {
    id: points.idAt(index),
    version: points.versionAt(index),
    score,
    payload: payloadText(points.payloadAt(index), shown.payload),
    vector: shown.vector ? vectorText(points.vectors.get(index)) : null,
  }
}

export function vectorText(vector: Float32Array): string {
  let text = '['
  for (let index = 0; index < vector.length; index++)
    text += (index === 0 ? '' : ',') + float32Text(vector[index]!)
  return `${text}]`
}

function firstFrom(ids: readonly PointId[], from: PointId): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (comparePointIds(ids[middle]!, from) < 0) low = middle + 1
    else high = middle
  }
  return low
}
