import { QdrantClient } from '@qdrant/js-client-rest'
import { Dispatcher1Wrapper } from 'undici'
import type { Dispatcher } from 'undici'
import { ExitCode, UserError } from '../errors.ts'
import type { Collection } from '../stack/stack.ts'
import { createCollection, createIndexes, readCollection, reasonOf } from './collection.ts'
import type { CollectionShape } from './collection.ts'
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

export interface StoreEndpoint {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Connections with certificates of their own. */
  readonly dispatcher?: Dispatcher
  /** Masks what must not be shown in what the server says. */
  readonly mask?: (text: string) => string
  readonly timeoutMs?: number
}

export function qdrantStore(endpoint: StoreEndpoint, collection: Collection): VectorStore {
  const client = clientOf(endpoint).api()
  const init = initOf(endpoint)
  const { name } = collection
  const of = { collection_name: name }
  const mask = endpoint.mask ?? ((text) => text)
  const asked = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call()
    } catch (error) {
      if (error instanceof UserError) throw error
      throw new UserError(
        `could not ${what} in collection "${name}" at ${endpoint.url}: ${mask(reasonOf(error))}`,
        {
          exitCode: ExitCode.unhealthy,
          hint: `ragscale status, or see what it says: curl -i ${endpoint.url}`,
          cause: error,
        },
      )
    }
  }
  return {
    prepare: () =>
      asked('create or check', async () => {
        const existing = await readCollection(client, name, init)
        if (existing === null) return { created: await createCollection(client, collection, init) }
        refuseDimensions(existing, collection)
        await createIndexes(client, name, init)
        return { created: false }
      }),

    completeDocuments: (root) =>
      asked('list documents', async () => {
        const documents = new Map<string, string>()
        let offset: string | number | undefined
        do {
          const { data } = await client.scrollPoints(
            {
              ...of,
              filter: { must: [match('root', root), match('chunk', 0)] },
              limit: pageSize,
              with_payload: ['source', 'hash'],
              with_vector: false,
              ...(offset === undefined ? {} : { offset }),
            },
            init,
          )
          for (const { payload } of data.result?.points ?? [])
            documents.set(String(payload?.['source']), String(payload?.['hash']))
          const next = data.result?.next_page_offset
          offset = typeof next === 'string' || typeof next === 'number' ? next : undefined
        } while (offset !== undefined)
        return documents
      }),

    upsert: (points) =>
      asked('write points', async () => {
        const all = points.map(({ id, vector, payload }) => ({ id, vector, payload: { ...payload } }))
        await client.upsertPoints({ ...of, wait: true, points: all }, init)
      }),

    removeChunks: (root, source, from) =>
      asked('remove points', async () => {
        const filter = {
          must: [match('root', root), match('source', source), { key: 'chunk', range: { gte: from } }],
        }
        await client.deletePoints({ ...of, wait: true, filter }, init)
      }),

    count: () =>
      asked('count points', async () => {
        const { data } = await client.countPoints({ ...of, exact: true }, init)
        return data.result?.count ?? 0
      }),
  }
}

/** A URL may have a path: a Qdrant behind a proxy. The client takes it apart from the host. */
export function clientOf({ url, headers, timeoutMs }: StoreEndpoint): QdrantClient {
  const { origin, pathname } = new URL(url)
  return new QdrantClient({
    url: origin,
    prefix: pathname.replace(/\/+$/, ''),
    port: null,
    checkCompatibility: false,
    timeout: timeoutMs ?? 60_000,
    ...(headers === undefined ? {} : { headers: { ...headers } }),
  })
}

/**
 * What goes with each call. The client makes its own connections, without certificates, so it is handed ours;
 * it calls the `fetch` of whichever Node runs, and the wrapper suits any of them.
 */
export function initOf({ dispatcher }: StoreEndpoint): RequestInit {
  // A key is meant for this host alone.
  const init: RequestInit = { redirect: 'manual' }
  return dispatcher === undefined
    ? init
    : ({ ...init, dispatcher: new Dispatcher1Wrapper(dispatcher) } as unknown as RequestInit)
}

/** Throws where the existing collection holds vectors of another size. */
export function refuseDimensions({ dimensions }: CollectionShape, collection: Collection): void {
  if (dimensions === collection.dimensions) return
  throw new UserError(
    `collection "${collection.name}" holds vectors of ${dimensions ?? 'several'} dimensions, and ${collection.dimensions} are wanted`,
    {
      exitCode: ExitCode.usage,
      hint: 'Name another collection, or embed with the model that this one was made with; in tiers.vector.collection, set dimensions to what that model gives.',
    },
  )
}

function match(key: string, value: string | number): { key: string; match: { value: string | number } } {
  return { key, match: { value } }
}
