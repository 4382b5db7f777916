import { textFieldsOf, type CollectionState } from '../cluster/state.ts'
import { compileFilter, type Predicate } from '../filter/filter.ts'
import { elementsAt, parsePath } from '../filter/path.ts'
import { hashVector } from '../../hash.ts'
import { isIndexed, missChance, type IndexShape } from '../search/recall.ts'
import type { LocalShards } from '../storage/local-shards.ts'
import { byIds, nearest, ordered, page, type Hit } from '../storage/read.ts'
import type { Shard } from '../storage/shard.ts'
import type { SearchTiming } from '../timing.ts'
import { noAnswer, type ReadAnswer, type ShardInfo } from './answer.ts'
import { mergeHits, orderOf } from './merge.ts'
import type { FindRequest, ReadRequest } from './request.ts'

/** Counts of work done, for the node's metrics. */
export interface ReadCounters {
  /** Coordinates compared. */
  compared(collection: string, coordinates: number): void
}

export interface LocalReadOptions {
  readonly shards: LocalShards
  readonly timing: SearchTiming
  readonly counters: ReadCounters
  readonly seed: number
}

export interface LocalRead {
  readonly collection: CollectionState
  readonly shards: readonly number[]
  readonly read: ReadRequest
  /** Shards beyond the first of the whole query, when this node merges them; 0 when another does. */
  readonly furtherShards: number
  readonly arrivalMs: number
}

/** Reads shards of this node. A search's answer is held until its modelled end. */
export async function readLocally(options: LocalReadOptions, request: LocalRead): Promise<ReadAnswer> {
  const { collection, read } = request
  const shards = request.shards.map((shard) => ({
    number: shard,
    shard: options.shards.get(collection, shard),
  }))
  switch (read.kind) {
    case 'find': {
      const filters = read.finds.map(({ filter }) => predicateOf(filter, collection))
      // Queued before the work is done, so that the work counts against the modelled time.
      const over = read.finds
        .filter(({ vector }) => vector !== null)
        .map(() =>
          options.timing.search(
            shards.map(({ shard }) => shard.points.count),
            request.furtherShards,
            request.arrivalMs,
          ),
        )
      const held = Promise.all(over)
      // A full queue is told below; until then it is nobody's fault.
      held.catch(() => undefined)
      const hits = read.finds.map((find, index) =>
        findIn(options, collection, shards, find, filters[index] ?? null),
      )
      await held
      return { ...noAnswer, hits }
    }
    case 'points':
      return { ...noAnswer, hits: [shards.flatMap(({ shard }) => byIds(shard.points, read.ids, read.shown))] }
    case 'count': {
      const accept = predicateOf(read.filter, collection)
      const countOf = (shard: Shard) => (accept === null ? shard.points.count : shard.matching(accept).length)
      return { ...noAnswer, count: shards.reduce((sum, { shard }) => sum + countOf(shard), 0) }
    }
    case 'info':
      return { ...noAnswer, infos: shards.map(({ number, shard }) => infoOf(collection, number, shard)) }
  }
}

function findIn(
  options: LocalReadOptions,
  collection: CollectionState,
  shards: readonly { readonly shard: Shard }[],
  find: FindRequest,
  accept: Predicate | null,
): Hit[] {
  const queryHash = find.vector === null ? 0 : hashVector(find.vector)
  const lists = shards.map(({ shard: { points } }) => {
    if (find.vector === null) {
      if (find.order !== null) return ordered(points, find.order, find.limit, accept, find.shown)
      return page(points, find.from, find.limit, accept, find.shown)
    }
    options.counters.compared(collection.name, points.count * points.vectors.dimensions)
    // Qdrant searches with a beam no narrower than what it is to find.
    const ef = Math.max(find.ef ?? collection.config.hnsw_config.ef_construct, find.limit)
    const chance = find.exact ? 0 : missChance(shapeOf(collection, points.count), ef)
    const miss = { chance, queryHash, seed: options.seed }
    const { vector, limit, threshold } = find
    return nearest(points, { vector, limit, accept, threshold, miss }, find.shown)
  })
  const { largerIsNearer } = shards[0]?.shard.points.vectors.metric ?? { largerIsNearer: true }
  return mergeHits(lists, orderOf(find, largerIsNearer), find.limit)
}

function predicateOf(filter: unknown, collection: CollectionState): Predicate | null {
  if (filter === null || filter === undefined) return null
  return compileFilter(filter, { textFields: new Set(textFieldsOf(collection)) })
}

function shapeOf(collection: CollectionState, points: number): IndexShape {
  const { params, hnsw_config: hnsw, optimizer_config: optimizer } = collection.config
  return {
    points,
    dimensions: params.vectors.size,
    m: hnsw.m,
    indexingThreshold: optimizer.indexing_threshold,
    fullScanThreshold: hnsw.full_scan_threshold,
  }
}

function infoOf(collection: CollectionState, number: number, { points, operationNumber }: Shard): ShardInfo {
  const fields = Object.keys(collection.payloadIndexes).map((field) => {
    const path = parsePath(field) ?? [field]
    let count = 0
    for (let index = 0; index < points.count; index++) {
      if (elementsAt(points.payloadAt(index), path).some((value) => value !== null)) count++
    }
    return [field, count] as const
  })
  return {
    shard: number,
    points: points.count,
    indexed: isIndexed(shapeOf(collection, points.count)) ? points.count : 0,
    fields: Object.fromEntries(fields),
    operationNumber,
  }
}
