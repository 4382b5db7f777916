import { formatError, notFound, wrongInput } from '../errors.ts'
import type { CollectionState } from '../cluster/state.ts'
import { comparableNumber } from '../filter/range.ts'
import { noAnswer } from '../points/answer.ts'
import { byShard, shardsFor } from '../points/ring.ts'
import type { ReadRequest } from '../points/request.ts'
import type { Hit, OrderBy, Shown } from '../storage/read.ts'
import { list, object, oneOf, optional, required, text } from '../wire/fields.ts'
import { isObject } from '../wire/json.ts'
import { float64Text } from '../wire/number-text.ts'
import { pointIdFromText, pointIdOf, pointIdText, type PointId } from '../wire/point-id.ts'
import { json, type Answer } from './answer.ts'
import { collectionName, consistencyOf, jsonOf, timeoutMs, type ApiRequest } from './request.ts'
import { route, type Route } from './router.ts'
import { filterOf, limitOf, shardKeys, shownOf } from './selectors.ts'

const path = '/collections/{collection_name}/points'

export const pointReadRoutes: readonly Route[] = [
  route('POST', path, 'read', retrieve),
  route('GET', `${path}/{id}`, 'read', getPoint),
  route('POST', `${path}/scroll`, 'read', scroll),
  route('POST', `${path}/count`, 'read', count),
]

async function retrieve(request: ApiRequest): Promise<Answer> {
  const fields = object(jsonOf(request), 'struct PointRequest')
  const ids = list(required(fields, 'ids')).map(pointIdOf)
  const collection = askedCollection(request)
  const hits = await pointsById(
    request,
    collection,
    ids,
    shownOf(fields, { payload: true }),
    shardKeys(fields['shard_key']),
  )
  return { result: `[${hits.map((hit) => recordText(hit)).join(',')}]` }
}

async function getPoint(request: ApiRequest): Promise<Answer> {
  const given = request.params['id'] ?? ''
  const id = pointIdFromText(given)
  if (id === null) throw wrongInput(`Can not recognize "${given}" as point id`)
  const collection = askedCollection(request)
  const [hit] = await pointsById(request, collection, [id], { payload: true, vector: true }, null)
  if (hit === undefined) throw notFound(`Point with id ${String(id)} does not exists!`)
  return { result: recordText(hit) }
}

async function scroll(request: ApiRequest): Promise<Answer> {
  const fields = object(jsonOf(request), 'struct ScrollRequest')
  const collection = askedCollection(request)
  const limit = limitOf(fields, 10)
  const from = optional(fields['offset'], pointIdOf) ?? null
  const order = optional(fields['order_by'], (value) => orderBy(value, collection)) ?? null
  if (order !== null && from !== null) {
    throw wrongInput(
      "Cannot use an `offset` when using `order_by`. The alternative for paging is to use `order_by.start_from` and a filter to exclude the IDs that you've already seen for the `order_by.start_from` value",
    )
  }
  const find = {
    vector: null,
    order,
    from,
    threshold: null,
    exact: true,
    ef: null,
    // One more tells whether there is a next page.
    limit: order === null ? limit + 1 : limit,
    filter: filterOf(fields['filter'], collection),
    shown: shownOf(fields, { payload: true }),
  }
  const shards = shardsFor(collection, shardKeys(fields['shard_key']))
  const answer = await readFrom(request, collection, shards, { kind: 'find', finds: [find] })
  const hits = answer.hits[0] ?? []
  const next = hits[limit]
  const records = hits.slice(0, limit).map((hit) => recordText(hit, order ?? undefined))
  const offset = next === undefined ? 'null' : pointIdText(next.id)
  return { result: `{"points":[${records.join(',')}],"next_page_offset":${offset}}` }
}

async function count(request: ApiRequest): Promise<Answer> {
  const fields = object(jsonOf(request), 'struct CountRequest')
  const collection = askedCollection(request)
  const filter = filterOf(fields['filter'], collection)
  const shards = shardsFor(collection, shardKeys(fields['shard_key']))
  const answer = await readFrom(request, collection, shards, { kind: 'count', filter })
  return json({ count: answer.count })
}

/** The collection of the path; asking for one is counted, even when it does not exist. */
export function askedCollection(request: ApiRequest): CollectionState {
  request.node.counters.asked(collectionName(request))
  return request.node.collection(collectionName(request))
}

export async function readFrom(
  request: ApiRequest,
  collection: CollectionState,
  shards: readonly number[],
  read: ReadRequest,
): Promise<typeof noAnswer> {
  const { node, arrivalMs } = request
  const consistency = consistencyOf(request)
  if (shards.length === 0)
    return { ...noAnswer, hits: read.kind === 'find' ? read.finds.map(() => []) : [[]] }
  return await node.reads.read({
    collection,
    shards,
    read,
    consistency,
    timeoutMs: timeoutMs(request),
    arrivalMs,
  })
}

/** Those of the points that exist, in the order asked for. */
export async function pointsById(
  request: ApiRequest,
  collection: CollectionState,
  ids: readonly PointId[],
  shown: Shown,
  keys: ReturnType<typeof shardKeys>,
): Promise<Hit[]> {
  const custom = keys === null && collection.config.params.sharding_method === 'custom'
  const shards = custom ? shardsFor(collection, null) : [...byShard(collection, keys, ids, (id) => id).keys()]
  const answer = await readFrom(request, collection, shards, { kind: 'points', ids, shown })
  const found = new Map((answer.hits[0] ?? []).map((hit) => [hit.id, hit]))
  return ids.flatMap((id) => found.get(id) ?? [])
}

/** `order_by` of a scroll or a query: a key, or a key with a direction and a start. */
export function orderBy(value: unknown, collection: CollectionState): OrderBy {
  const fields = isObject(value) ? value : { key: text(value) }
  const key = text(required(fields, 'key'))
  const direction = optional(fields['direction'], (given) => oneOf(given, ['asc', 'desc'])) ?? 'asc'
  const type = collection.payloadIndexes[key]?.type
  if (type === undefined || !['integer', 'float', 'datetime'].includes(type)) {
    throw wrongInput(
      `No range index for \`order_by\` key: \`${key}\`. Please create one to use \`order_by\`. Check https://qdrant.tech/documentation/concepts/indexing/#payload-index to see which payload schemas support Range conditions`,
    )
  }
  const dates = type === 'datetime'
  const startFrom = optional(fields['start_from'], (given) => {
    const start = comparableNumber(given, typeof given === 'string')
    if (start === null) throw formatError('data did not match any variant of untagged enum StartFrom')
    return start
  })
  return { key, descending: direction === 'desc', startFrom: startFrom ?? null, dates }
}

/** A point without a score, as JSON text. */
function recordText({ id, payload, vector, score }: Hit, order?: OrderBy): string {
  let record = `{"id":${pointIdText(id)}`
  if (payload !== null) record += `,"payload":${payload}`
  if (vector !== null) record += `,"vector":${vector}`
  if (order !== undefined) record += `,"order_value":${orderValueText(score, order)}`
  return `${record}}`
}

/** Dates are told as microseconds since 1970. */
export function orderValueText(value: number, { dates }: OrderBy): string {
  if (dates) return String(value * 1000)
  return Number.isInteger(value) ? String(value) : float64Text(value)
}
