import { formatError, notEmulated, notFound, wrongInput } from '../errors.ts'
import type { CollectionState, ShardKey } from '../cluster/state.ts'
import { shardsFor } from '../points/ring.ts'
import type { FindRequest } from '../points/request.ts'
import type { Hit, OrderBy } from '../storage/read.ts'
import { flag, float, list, object, optional, required, text, unsigned, type Fields } from '../wire/fields.ts'
import { integerText, isObject } from '../wire/json.ts'
import { float32Text } from '../wire/number-text.ts'
import { pointIdJson, pointIdOf, pointIdText, type PointId } from '../wire/point-id.ts'
import type { Answer } from './answer.ts'
import { askedCollection, orderBy, orderValueText, pointsById, readFrom } from './points-read.ts'
import { jsonOf, type ApiRequest } from './request.ts'
import { route, type Route } from './router.ts'
import { filterOf, limitOf, shardKeys, shownOf, vectorOf } from './selectors.ts'

const path = '/collections/{collection_name}/points'

export const queryRoutes: readonly Route[] = [
  route('POST', `${path}/query`, 'read', (request) => answerOne(request, queryOf, pointsOf)),
  route('POST', `${path}/query/batch`, 'read', (request) => answerAll(request, queryOf, pointsOf)),
  route('POST', `${path}/search`, 'read', (request) => answerOne(request, searchOf, listOf)),
  route('POST', `${path}/search/batch`, 'read', (request) => answerAll(request, searchOf, listOf)),
]

/** One search as it was asked: how to find, how many to skip, and where. */
interface Search {
  readonly find: FindRequest
  readonly offset: number
  readonly keys: readonly ShardKey[] | null
}

type ReadSearch = (
  fields: Fields,
  collection: CollectionState,
  request: ApiRequest,
) => Search | Promise<Search>
type Show = (hits: readonly string[]) => string

const pointsOf: Show = (hits) => `{"points":[${hits.join(',')}]}`
const listOf: Show = (hits) => `[${hits.join(',')}]`

async function answerOne(request: ApiRequest, read: ReadSearch, show: Show): Promise<Answer> {
  const fields = object(jsonOf(request), 'struct QueryRequest')
  const collection = askedCollection(request)
  const search = read(fields, collection, request)
  // Most searches need nothing first, and then nothing may come between their arrival and their queue.
  const [result] = await run(request, collection, [search instanceof Promise ? await search : search], show)
  return { result: result! }
}

async function answerAll(request: ApiRequest, read: ReadSearch, show: Show): Promise<Answer> {
  const fields = object(jsonOf(request), 'struct QueryRequestBatch')
  const collection = askedCollection(request)
  const searches = list(required(fields, 'searches')).map(
    async (one) => await read(object(one), collection, request),
  )
  return { result: `[${(await run(request, collection, await Promise.all(searches), show)).join(',')}]` }
}

/** Runs searches over the same shards together. */
async function run(
  request: ApiRequest,
  collection: CollectionState,
  searches: readonly Search[],
  show: Show,
): Promise<string[]> {
  const results = Array<string>(searches.length)
  const groups = new Map<string, number[]>()
  for (const [index, { keys }] of searches.entries()) {
    const name = JSON.stringify(keys)
    groups.set(name, [...(groups.get(name) ?? []), index])
  }
  await Promise.all(
    [...groups.values()].map(async (indices) => {
      const shards = shardsFor(collection, searches[indices[0]!]!.keys)
      const finds = indices.map((index) => searches[index]!.find)
      const answer = await readFrom(request, collection, shards, { kind: 'find', finds })
      for (const [at, index] of indices.entries()) {
        const { find, offset } = searches[index]!
        const hits = answer.hits[at]!.slice(offset, find.limit)
        results[index] = show(hits.map((hit) => hitText(hit, find.vector === null, find.order)))
      }
    }),
  )
  return results
}

/** A body of `/points/query`. */
function queryOf(fields: Fields, collection: CollectionState, request: ApiRequest): Search | Promise<Search> {
  if (fields['prefetch'] != null && !(Array.isArray(fields['prefetch']) && fields['prefetch'].length === 0)) {
    throw notEmulated('prefetches')
  }
  if (fields['lookup_from'] != null) throw notEmulated('look-ups in other collections')
  const using = optional(fields['using'], text) ?? ''
  if (using !== '') throw wrongInput(`Not existing vector name error: ${using}`)
  const limit = limitOf(fields, 10)
  const { query } = fields
  const byId = (id: PointId) => nearestTo(id, fields, collection, request, limit)
  if (query === undefined || query === null) return searchWith(fields, collection, limit, {})
  if (typeof query === 'string' || integerText(query) !== null) return byId(pointIdOf(query))
  if (Array.isArray(query))
    return searchWith(fields, collection, limit, { vector: vectorOf(query, collection) })
  if (!isObject(query)) throw formatError('data did not match any variant of untagged enum QueryInterface')
  if ('nearest' in query) {
    if (query['mmr'] != null) throw notEmulated('maximal marginal relevance')
    const { nearest } = query
    if (typeof nearest === 'string' || integerText(nearest) !== null) return byId(pointIdOf(nearest))
    return searchWith(fields, collection, limit, { vector: vectorOf(nearest, collection) })
  }
  if ('order_by' in query) {
    return searchWith(fields, collection, limit, { order: orderBy(query['order_by'], collection) })
  }
  const known = [
    'recommend',
    'discover',
    'context',
    'fusion',
    'rrf',
    'formula',
    'sample',
    'relevance_feedback',
  ]
  const kind = Object.keys(query).find((name) => known.includes(name))
  if (kind !== undefined) throw notEmulated(`queries by \`${kind}\``)
  return searchWith(fields, collection, limit, { vector: vectorOf(query, collection) })
}

/** A body of `/points/search`. */
function searchOf(fields: Fields, collection: CollectionState): Search {
  const given = required(fields, 'vector')
  required(fields, 'limit')
  const named = isObject(given) && 'name' in given
  const name = named ? text(given['name']) : ''
  if (name !== '') throw wrongInput(`Not existing vector name error: ${name}`)
  const vector = vectorOf(named ? given['vector'] : given, collection)
  return searchWith(fields, collection, limitOf(fields, 10), { vector })
}

/** The nearest to a point that is there, without that point. */
async function nearestTo(
  id: PointId,
  fields: Fields,
  collection: CollectionState,
  request: ApiRequest,
  limit: number,
): Promise<Search> {
  const [point] = await pointsById(request, collection, [id], { payload: false, vector: true }, null)
  if (point?.vector == null) throw notFound(`No point with id ${String(id)} found`)
  const vector = Float32Array.from(JSON.parse(point.vector) as number[])
  const others = { must_not: [{ has_id: [pointIdJson(id)] }] }
  const filter = fields['filter'] == null ? others : { must: [fields['filter'], others] }
  return searchWith({ ...fields, filter }, collection, limit, { vector })
}

function searchWith(
  fields: Fields,
  collection: CollectionState,
  limit: number,
  by: { readonly vector?: Float32Array; readonly order?: OrderBy },
): Search {
  const params = optional(fields['params'], (value) => object(value)) ?? {}
  const offset = optional(fields['offset'], unsigned) ?? 0
  return {
    offset,
    keys: shardKeys(fields['shard_key']),
    find: {
      vector: by.vector ?? null,
      order: by.order ?? null,
      from: null,
      limit: limit + offset,
      filter: filterOf(fields['filter'], collection),
      threshold: optional(fields['score_threshold'], float) ?? null,
      exact: optional(params['exact'], flag) ?? false,
      ef: optional(params['hnsw_ef'], unsigned) ?? null,
      shown: shownOf(fields, { payload: false }),
    },
  }
}

/** A point with its score, as JSON text; one that was not searched by a vector scores 0. */
function hitText(
  { id, version, score, payload, vector }: Hit,
  scoreless: boolean,
  order: OrderBy | null,
): string {
  let hit = `{"id":${pointIdText(id)},"version":${version},"score":${float32Text(scoreless ? 0 : score)}`
  if (payload !== null) hit += `,"payload":${payload}`
  if (vector !== null) hit += `,"vector":${vector}`
  if (order !== null) hit += `,"order_value":${orderValueText(score, order)}`
  return `${hit}}`
}
