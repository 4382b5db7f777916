import { randomUUID } from 'node:crypto'
import { QdrantError, badRequest, formatError } from '../errors.ts'
import { newCollectionConfig, updatedConfig } from '../cluster/collection-config.ts'
import { placeShards } from '../cluster/placement.ts'
import type { PeerId } from '../cluster/peer.ts'
import { resolveCollection, votersOf, type CollectionState } from '../cluster/state.ts'
import { parsePath } from '../filter/path.ts'
import { shardsFor } from '../points/ring.ts'
import type { ShardInfo } from '../points/answer.ts'
import { list, object, oneOf, optional, peerId, required, text, unsigned } from '../wire/fields.ts'
import { isObject } from '../wire/json.ts'
import { json, type Answer } from './answer.ts'
import { collectionName, jsonOf, timeoutMs, waits, type ApiRequest } from './request.ts'
import { route, type Route } from './router.ts'
import { shardKey } from './selectors.ts'

const path = '/collections/{collection_name}'

export const collectionRoutes: readonly Route[] = [
  route('GET', '/collections', 'read', ({ node }) =>
    json({ collections: sortedNames(node.cluster.state.collections).map((name) => ({ name })) }),
  ),
  route('GET', path, 'read', info),
  route('PUT', path, 'write', create),
  route('PATCH', path, 'write', update),
  route('DELETE', path, 'write', remove),
  route('GET', `${path}/exists`, 'read', (request) =>
    json({ exists: resolveCollection(request.node.cluster.state, collectionName(request)) !== undefined }),
  ),
  route('PUT', `${path}/index`, 'write', createIndex),
  route('DELETE', `${path}/index/{field_name}`, 'write', deleteIndex),
  route('GET', `${path}/shards`, 'read', shardKeyList),
  route('PUT', `${path}/shards`, 'write', (request) => createShardKey(request, object(jsonOf(request)))),
  route('POST', `${path}/shards/delete`, 'write', (request) =>
    deleteShardKey(request, object(jsonOf(request))),
  ),
]

export function sortedNames(named: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(named).sort()
}

async function create(request: ApiRequest): Promise<Answer> {
  const { node } = request
  const name = collectionName(request)
  checkName(name)
  const peers = votersOf(node.cluster.state)
  const config = newCollectionConfig(jsonOf(request), Math.max(1, peers.length))
  const { params } = config
  const count = params.sharding_method === 'custom' ? 0 : params.shard_number
  const placement = placeShards(node.cluster.state, peers, count, params.replication_factor)
  const collection: CollectionState = {
    name,
    uuid: randomUUID(),
    config,
    shards: Object.fromEntries(
      placement.map((replicas, shard) => [
        shard,
        { key: null, replicas: Object.fromEntries(replicas.map((peer) => [peer, 'Active' as const])) },
      ]),
    ),
    payloadIndexes: {},
    transfers: [],
  }
  await node.cluster.propose({ kind: 'create_collection', collection }, timeoutMs(request))
  return json(true)
}

async function update(request: ApiRequest): Promise<Answer> {
  const { node } = request
  const collection = node.collection(collectionName(request))
  const config = updatedConfig(collection.config, jsonOf(request))
  await node.cluster.propose(
    { kind: 'update_collection', collection: collection.name, config },
    timeoutMs(request),
  )
  return json(true)
}

async function remove(request: ApiRequest): Promise<Answer> {
  const { cluster } = request.node
  const name = collectionName(request)
  if (!Object.hasOwn(cluster.state.collections, name)) return json(false)
  await cluster.propose({ kind: 'delete_collection', collection: name }, timeoutMs(request))
  return json(true)
}

async function info(request: ApiRequest): Promise<Answer> {
  const { node, arrivalMs } = request
  const collection = node.collection(collectionName(request))
  const shards = shardsFor(collection, null)
  const { infos } =
    shards.length === 0
      ? { infos: [] as readonly ShardInfo[] }
      : await node.reads.read({ collection, shards, read: { kind: 'info' }, arrivalMs })
  const sum = (of: (info: ShardInfo) => number) => infos.reduce((total, one) => total + of(one), 0)
  const { params, hnsw_config, optimizer_config, wal_config, quantization_config, ...rest } =
    collection.config
  const schema = Object.entries(collection.payloadIndexes).map(([field, { type, params: given }]) => [
    field,
    {
      data_type: type,
      ...(isObject(given) ? { params: given } : {}),
      points: sum((one) => one.fields[field] ?? 0),
    },
  ])
  return json({
    status: 'green',
    optimizer_status: 'ok',
    indexed_vectors_count: sum((one) => one.indexed),
    points_count: sum((one) => one.points),
    segments_count: infos.length * segmentsOf(collection),
    config: { params, hnsw_config, optimizer_config, wal_config, quantization_config, ...rest },
    payload_schema: Object.fromEntries(schema),
    update_queue: { length: 0 },
  })
}

/** Segments of each shard: as configured, or as many as Qdrant makes on a machine of two cores. */
function segmentsOf({ config }: CollectionState): number {
  return config.optimizer_config.default_segment_number || 2
}

const indexTypes = ['keyword', 'integer', 'float', 'geo', 'text', 'bool', 'datetime', 'uuid'] as const

async function createIndex(request: ApiRequest): Promise<Answer> {
  const { node } = request
  const fields = object(jsonOf(request), 'struct CreateFieldIndex')
  const collection = node.collection(collectionName(request))
  const field = text(required(fields, 'field_name'))
  if (parsePath(field) === null) throw formatError(`Invalid json path: '${field}'`)
  const schema = fields['field_schema'] ?? fields['field_type']
  if (schema === undefined || schema === null) {
    throw badRequest(`Unable to infer type for the field '${field}'. Please specify \`field_type\``)
  }
  const type = oneOf(isObject(schema) ? required(schema, 'type') : schema, indexTypes)
  const change = { kind: 'create_index', collection: collection.name, field, type, params: schema } as const
  await node.cluster.propose(change, timeoutMs(request))
  return json({ operation_id: await countIndex(request, collection), status: statusOf(request) })
}

async function deleteIndex(request: ApiRequest): Promise<Answer> {
  const { node } = request
  const collection = node.collection(collectionName(request))
  const field = request.params['field_name'] ?? ''
  await node.cluster.propose({ kind: 'delete_index', collection: collection.name, field }, timeoutMs(request))
  return json({ operation_id: await countIndex(request, collection), status: statusOf(request) })
}

/** Every shard counts an index as an operation of its own. */
async function countIndex({ node }: ApiRequest, collection: CollectionState): Promise<number> {
  const operations = shardsFor(collection, null).map((shard) => [shard, { kind: 'index' } as const] as const)
  return await node.writes.write(collection, new Map(operations))
}

const statusOf = (request: ApiRequest): string => (waits(request) ? 'completed' : 'acknowledged')

function shardKeyList(request: ApiRequest): Answer {
  const collection = request.node.collection(collectionName(request))
  const keys = new Set(Object.values(collection.shards).flatMap(({ key }) => (key === null ? [] : [key])))
  return json({ shard_keys: [...keys].map((key) => ({ key })) })
}

export async function createShardKey(
  { node, ...request }: ApiRequest,
  fields: Record<string, unknown>,
): Promise<Answer> {
  const collection = node.collection(collectionName({ node, ...request }))
  const key = shardKey(required(fields, 'shard_key'))
  const { params } = collection.config
  if (params.sharding_method !== 'custom')
    throw badRequest('Shard Key cannot be created with Auto sharding method')
  const count = optional(fields['shards_number'], (value) => unsigned(value, 'u32')) ?? params.shard_number
  const replication =
    optional(fields['replication_factor'], (value) => unsigned(value, 'u32')) ?? params.replication_factor
  const peers =
    optional(fields['placement'], (value) => list(value).map(peerId)) ?? votersOf(node.cluster.state)
  const unknown = peers.find((peer: PeerId) => !Object.hasOwn(node.cluster.state.peers, peer))
  if (unknown !== undefined) throw badRequest(`Placement contains unknown peer ids: ${unknown}`)
  const placement = placeShards(node.cluster.state, peers, count, replication, collection)
  await node.cluster.propose({ kind: 'create_shard_key', collection: collection.name, key, placement })
  return json(true)
}

export async function deleteShardKey(
  { node, ...request }: ApiRequest,
  fields: Record<string, unknown>,
): Promise<Answer> {
  const collection = node.collection(collectionName({ node, ...request }))
  const key = shardKey(required(fields, 'shard_key'))
  await node.cluster.propose({ kind: 'delete_shard_key', collection: collection.name, key })
  return json(true)
}

const forbiddenInNames = ['<', '>', ':', '"', '/', '\\', '|', '?', '*', '\0', '\u001F']

function checkName(name: string): void {
  const found = forbiddenInNames.find((character) => name.includes(character))
  const reason =
    found !== undefined
      ? `collection name cannot contain "${found}" char`
      : name.length > 255
        ? `value ${JSON.stringify(name)} invalid, must be from 1 to 255 characters`
        : null
  if (reason === null) return
  throw new QdrantError(422, `Validation error in path parameters: [collection_name: ${reason}]`, false)
}
