import { QdrantClient } from '@qdrant/js-client-rest'
import { ExitCode, UserError, messageOf } from '../errors.ts'
import type { Collection } from '../stack/stack.ts'
import type { Payload } from './point.ts'

export interface StoredPoint {
  readonly id: string
  readonly vector: number[]
  readonly payload: Payload
}

/** A collection as `ingest` needs it. */
export interface VectorStore {
  /** Creates the collection by the stack's shard plan, or checks that the existing one fits it. */
  prepare(): Promise<{ created: boolean }>
  /** Source → hash of every complete document of a root. */
  completeDocuments(root: string): Promise<Map<string, string>>
  upsert(points: readonly StoredPoint[]): Promise<void>
  /** Removes a document's chunks from number `from` on. */
  removeChunks(root: string, source: string, from: number): Promise<void>
  count(): Promise<number>
}

const pageSize = 1_000

export function qdrantStore(
  endpoint: { url: string; headers?: Readonly<Record<string, string>>; timeoutMs?: number },
  collection: Collection,
): VectorStore {
  const client = new QdrantClient({
    url: endpoint.url,
    port: null,
    checkCompatibility: false,
    timeout: endpoint.timeoutMs ?? 60_000,
    ...(endpoint.headers === undefined ? {} : { headers: { ...endpoint.headers } }),
  })
  const { name } = collection
  const asked = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call()
    } catch (error) {
      if (error instanceof UserError) throw error
      throw new UserError(
        `could not ${what} in collection "${name}" at ${endpoint.url}: ${reasonOf(error)}`,
        {
          exitCode: ExitCode.unhealthy,
          hint: 'ragscale status',
          cause: error,
        },
      )
    }
  }
  return {
    prepare: () =>
      asked('create or check', async () => {
        const { exists } = await client.collectionExists(name)
        if (exists) {
          await checkVectors(client, collection)
          return { created: false }
        }
        await client.createCollection(name, {
          vectors: { size: collection.dimensions, distance: collection.distance },
          shard_number: collection.shards,
          replication_factor: collection.replication,
          write_consistency_factor: 1,
          ...quantizationOf(collection),
        })
        for (const [field, schema] of [
          ['root', 'keyword'],
          ['source', 'keyword'],
          ['chunk', 'integer'],
        ] as const) {
          await client.createPayloadIndex(name, { field_name: field, field_schema: schema, wait: true })
        }
        return { created: true }
      }),

    completeDocuments: (root) =>
      asked('list documents', async () => {
        const documents = new Map<string, string>()
        let offset: string | number | undefined
        do {
          const page = await client.scroll(name, {
            filter: { must: [match('root', root), match('chunk', 0)] },
            limit: pageSize,
            with_payload: ['source', 'hash'],
            with_vector: false,
            ...(offset === undefined ? {} : { offset }),
          })
          for (const { payload } of page.points)
            documents.set(String(payload?.['source']), String(payload?.['hash']))
          const next = page.next_page_offset
          offset = typeof next === 'string' || typeof next === 'number' ? next : undefined
        } while (offset !== undefined)
        return documents
      }),

    upsert: (points) =>
      asked('write points', async () => {
        await client.upsert(name, {
          wait: true,
          points: points.map(({ id, vector, payload }) => ({ id, vector, payload: { ...payload } })),
        })
      }),

    removeChunks: (root, source, from) =>
      asked('remove points', async () => {
        const filter = {
          must: [match('root', root), match('source', source), { key: 'chunk', range: { gte: from } }],
        }
        await client.delete(name, { wait: true, filter })
      }),

    count: () => asked('count points', async () => (await client.count(name, { exact: true })).count),
  }
}

async function checkVectors(client: QdrantClient, collection: Collection): Promise<void> {
  const { config } = await client.getCollection(collection.name)
  const size = config.params.vectors?.size
  if (size === collection.dimensions) return
  throw new UserError(
    `collection "${collection.name}" holds vectors of ${typeof size === 'number' ? size : 'several'} dimensions, ragscale.yaml says ${collection.dimensions}`,
    {
      exitCode: ExitCode.usage,
      hint: 'Name another collection in tiers.vector.collection.name, or set dimensions to what the embedding model gives.',
    },
  )
}

function match(key: string, value: string | number): { key: string; match: { value: string | number } } {
  return { key, match: { value } }
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

/** What Qdrant itself said, where it said something. */
function reasonOf(error: unknown): string {
  const data =
    error instanceof Error && 'data' in error
      ? (error.data as { status?: { error?: string } } | undefined)
      : undefined
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return data?.status?.error ?? `${messageOf(error)}${cause}`
}
