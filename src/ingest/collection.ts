/** A collection's own shape: read from Qdrant, and made by the stack's shard plan. */
import type { QdrantClient } from '@qdrant/js-client-rest'
import { messageOf } from '../errors.ts'
import type { Collection } from '../stack/stack.ts'

export type QdrantApi = ReturnType<QdrantClient['api']>

/** What exists. `dimensions` and `distance` are null where the collection has named vectors or none. */
export interface CollectionShape {
  readonly dimensions: number | null
  readonly distance: string | null
  readonly shards: number
  readonly replication: number
  readonly writeConsistency: number
  readonly quantization: Collection['quantization']
}

/** Fields that are searched by: which document and which of its chunks a point is. */
const indexes = { root: 'keyword', source: 'keyword', chunk: 'integer' } as const

/** Null when there is no such collection. */
export async function readCollection(
  api: QdrantApi,
  name: string,
  init: RequestInit,
): Promise<CollectionShape | null> {
  const { data: exists } = await api.collectionExists({ collection_name: name }, init)
  if (exists.result?.exists !== true) return null
  const { data } = await api.getCollection({ collection_name: name }, init)
  const { params, quantization_config: quantization } = data.result?.config ?? {}
  const vectors = params?.vectors
  return {
    dimensions: typeof vectors?.size === 'number' ? vectors.size : null,
    distance: typeof vectors?.distance === 'string' ? vectors.distance : null,
    shards: params?.shard_number ?? 1,
    replication: params?.replication_factor ?? 1,
    writeConsistency: params?.write_consistency_factor ?? 1,
    quantization: quantizationIn(quantization),
  }
}

/**
 * Makes the collection. One that somebody else made in between is left as it is. Safe to be run again after
 * it was interrupted.
 * @returns whether it was made by this call
 */
export async function createCollection(
  api: QdrantApi,
  collection: Collection,
  init: RequestInit,
): Promise<boolean> {
  const created = await api
    .createCollection(
      {
        collection_name: collection.name,
        // Seconds: until all nodes have agreed on it and made their shards.
        timeout: 60,
        vectors: { size: collection.dimensions, distance: collection.distance },
        shard_number: collection.shards,
        replication_factor: collection.replication,
        write_consistency_factor: collection.writeConsistency,
        ...quantizationOf(collection),
      },
      init,
    )
    .then(() => true)
    .catch((error: unknown) => {
      if (reasonOf(error).includes('already exists')) return false
      throw error
    })
  await createIndexes(api, collection.name, init)
  return created
}

/** Those that exist stay as they are. */
export async function createIndexes(api: QdrantApi, name: string, init: RequestInit): Promise<void> {
  for (const [field, schema] of Object.entries(indexes)) {
    await api.createFieldIndex(
      { collection_name: name, wait: true, field_name: field, field_schema: schema },
      init,
    )
  }
}

/** What Qdrant itself said, where it said something. */
export function reasonOf(error: unknown): string {
  const data =
    error instanceof Error && 'data' in error
      ? (error.data as { status?: { error?: string } } | undefined)
      : undefined
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return data?.status?.error ?? `${messageOf(error)}${cause}`
}

function quantizationOf({ quantization }: Collection): object {
  switch (quantization) {
    case 'none':
      return {}
    case 'scalar':
      return { quantization_config: { scalar: { type: 'int8', always_ram: true } } }
    case 'product':
      return { quantization_config: { product: { compression: 'x16', always_ram: true } } }
    case 'binary':
      return { quantization_config: { binary: { always_ram: true } } }
  }
}

function quantizationIn(config: unknown): Collection['quantization'] {
  if (typeof config !== 'object' || config === null) return 'none'
  return (['scalar', 'product', 'binary'] as const).find((kind) => kind in config) ?? 'none'
}
