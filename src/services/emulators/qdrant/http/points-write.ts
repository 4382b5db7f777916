import { badRequest, formatError, invalidBody, notEmulated } from '../errors.ts'
import type { CollectionState } from '../cluster/state.ts'
import { byShard, shardsFor } from '../points/ring.ts'
import type { NewPoint, ShardOperation, UpsertMode } from '../storage/operation.ts'
import { list, object, oneOf, optional, required, text, type Fields } from '../wire/fields.ts'
import { isObject, type Payload } from '../wire/json.ts'
import { pointIdOf } from '../wire/point-id.ts'
import { json, type Answer } from './answer.ts'
import { collectionName, jsonOf, waits, type ApiRequest } from './request.ts'
import { route, type Route } from './router.ts'
import { selectionOf, shardKeys, vectorOf } from './selectors.ts'

type Operations = ReadonlyMap<number, ShardOperation>

/** Reads one update's body into what each shard has to do. */
type ReadUpdate = (fields: Fields, collection: CollectionState) => Operations

const upsert: ReadUpdate = (fields, collection) => {
  const keys = shardKeys(fields['shard_key'])
  if (fields['update_filter'] != null) throw notEmulated('conditional updates')
  const mode =
    optional(fields['update_mode'], (value) => oneOf(value, ['upsert', 'insert_only', 'update_only'])) ??
    'upsert'
  const points =
    'batch' in fields ? batchPoints(object(fields['batch']), collection) : listedPoints(fields, collection)
  return pointsByShard(collection, keys, points, (own) => ({
    kind: 'upsert',
    points: own,
    mode: mode satisfies UpsertMode,
  }))
}

const updateVectors: ReadUpdate = (fields, collection) => {
  const points = listedPoints(fields, collection)
  return pointsByShard(collection, shardKeys(fields['shard_key']), points, (own) => ({
    kind: 'vectors',
    points: own,
  }))
}

const remove: ReadUpdate = (fields, collection) =>
  selected(fields, collection, (select) => ({ kind: 'delete', select }), 'PointsSelector')

const setPayload: ReadUpdate = (fields, collection) => {
  const payload = object(required(fields, 'payload'))
  const key = optional(fields['key'], text)
  return selected(fields, collection, (select) => ({ kind: 'set_payload', select, payload, key }))
}

const overwritePayload: ReadUpdate = (fields, collection) => {
  const payload = object(required(fields, 'payload'))
  // With a key, only what lies there is replaced, which is what setting it does.
  const key = optional(fields['key'], text)
  return selected(fields, collection, (select) =>
    key === undefined
      ? { kind: 'overwrite_payload', select, payload }
      : { kind: 'set_payload', select, payload, key },
  )
}

const deletePayload: ReadUpdate = (fields, collection) => {
  const keys = list(required(fields, 'keys')).map(text)
  return selected(fields, collection, (select) => ({ kind: 'delete_payload', select, keys }))
}

const clearPayload: ReadUpdate = (fields, collection) =>
  selected(fields, collection, (select) => ({ kind: 'clear_payload', select }), 'PointsSelector')

const deleteVectors: ReadUpdate = () => {
  throw notEmulated('points without their vector')
}

/** By the names that a batch uses. */
const updates: Readonly<Record<string, ReadUpdate>> = {
  upsert,
  update_vectors: updateVectors,
  delete_vectors: deleteVectors,
  delete: remove,
  delete_points: remove,
  set_payload: setPayload,
  overwrite_payload: overwritePayload,
  delete_payload: deletePayload,
  clear_payload: clearPayload,
}

const path = '/collections/{collection_name}/points'

export const pointWriteRoutes: readonly Route[] = [
  route('PUT', path, 'write', updateWith(upsert)),
  route('PUT', `${path}/vectors`, 'write', updateWith(updateVectors)),
  route('POST', `${path}/vectors/delete`, 'write', updateWith(deleteVectors)),
  route('POST', `${path}/delete`, 'write', updateWith(remove)),
  route('POST', `${path}/payload`, 'write', updateWith(setPayload)),
  route('PUT', `${path}/payload`, 'write', updateWith(overwritePayload)),
  route('POST', `${path}/payload/delete`, 'write', updateWith(deletePayload)),
  route('POST', `${path}/payload/clear`, 'write', updateWith(clearPayload)),
  route('POST', `${path}/batch`, 'write', batch),
]

function updateWith(read: ReadUpdate): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const fields = object(jsonOf(request))
    const status = waits(request) ? 'completed' : 'acknowledged'
    return json({ operation_id: await perform(request, read, fields), status })
  }
}

async function batch(request: ApiRequest): Promise<Answer> {
  const fields = object(jsonOf(request))
  const status = waits(request) ? 'completed' : 'acknowledged'
  const results: unknown[] = []
  for (const operation of list(required(fields, 'operations')).map((one) => object(one))) {
    const [name = ''] = Object.keys(operation)
    const read = updates[name]
    if (read === undefined)
      throw formatError('data did not match any variant of untagged enum UpdateOperation')
    const inner = operation[name]
    // These two take their selector without a name around it.
    const body = Array.isArray(inner) ? { points: inner } : object(inner)
    results.push({ operation_id: await perform(request, read, body), status })
  }
  return json(results)
}

async function perform(request: ApiRequest, read: ReadUpdate, fields: Fields): Promise<number> {
  const { node } = request
  node.counters.asked(collectionName(request))
  const collection = node.collection(collectionName(request))
  return await node.writes.write(collection, read(fields, collection))
}

function listedPoints(fields: Fields, collection: CollectionState): NewPoint[] {
  if (fields['points'] === undefined) throw formatError('missing field `points`')
  return list(fields['points']).map((value) => {
    const point = object(value, 'struct PointStruct')
    const id = pointIdOf(required(point, 'id'))
    const vector = point['vector'] ?? point['vectors']
    if (vector === undefined) throw formatError('missing field `vector`')
    return { id, vector: vectorOf(vector, collection), payload: payloadOf(point['payload']) }
  })
}

function batchPoints(columns: Fields, collection: CollectionState): NewPoint[] {
  const ids = list(required(columns, 'ids')).map(pointIdOf)
  const vectors = required(columns, 'vectors')
  const unnamed = list(isObject(vectors) ? vectors[''] : vectors)
  const payloads = optional(columns['payloads'], list)
  const uneven = (what: string, count: number): void => {
    if (count === ids.length) return
    throw invalidBody([['batch', `number of ids and ${what} must be equal (${ids.length} != ${count})`]])
  }
  uneven('vectors', unnamed.length)
  if (payloads !== undefined) uneven('payloads', payloads.length)
  return ids.map((id, index) => ({
    id,
    vector: vectorOf(unnamed[index], collection),
    payload: payloadOf(payloads?.[index]),
  }))
}

function payloadOf(value: unknown): Payload | null {
  return value === undefined || value === null ? null : object(value)
}

function pointsByShard(
  collection: CollectionState,
  keys: ReturnType<typeof shardKeys>,
  points: readonly NewPoint[],
  operation: (points: readonly NewPoint[]) => ShardOperation,
): Operations {
  const groups = byShard(collection, keys, points, ({ id }) => id)
  return new Map([...groups].map(([shard, own]) => [shard, operation(own)]))
}

/** An operation on points by id goes to their shards, one by filter to all. */
function selected(
  fields: Fields,
  collection: CollectionState,
  operation: (select: NonNullable<ReturnType<typeof selectionOf>>) => ShardOperation,
  untagged?: string,
): Operations {
  const select = selectionOf(fields, collection)
  if (select === null) {
    if (untagged === undefined) throw badRequest('No filter or points specified')
    throw formatError(`data did not match any variant of untagged enum ${untagged}`)
  }
  const keys = shardKeys(fields['shard_key'])
  if ('ids' in select && (keys !== null || collection.config.params.sharding_method !== 'custom')) {
    const groups = byShard(collection, keys, select.ids, (id) => id)
    return new Map([...groups].map(([shard, ids]) => [shard, operation({ ids })]))
  }
  return new Map(shardsFor(collection, keys).map((shard) => [shard, operation(select)]))
}
