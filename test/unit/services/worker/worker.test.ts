import { afterEach, expect, test } from 'vitest'
import type { Embedder } from '../../../../src/ingest/embedder.ts'
import type { StoredPoint, VectorStore } from '../../../../src/ingest/store.ts'
import { createWorker } from '../../../../src/services/worker/server.ts'
import type { Worker } from '../../../../src/services/worker/server.ts'

let worker: Worker | undefined

afterEach(async () => {
  await worker?.close(100)
  worker = undefined
})

/** A collection in memory; what is removed from a document is counted. */
function memoryStore(): VectorStore & { points: Map<string, StoredPoint> } {
  const points = new Map<string, StoredPoint>()
  return {
    points,
    prepare: () => Promise.resolve({ created: true }),
    completeDocuments: () => Promise.resolve(new Map<string, string>()),
    upsert: (written) => {
      for (const point of written) points.set(point.id, point)
      return Promise.resolve()
    },
    removeChunks: (root, source, from) => {
      for (const [id, { payload }] of points) {
        if (payload.root === root && payload.source === source && payload.chunk >= from) points.delete(id)
      }
      return Promise.resolve()
    },
    count: () => Promise.resolve(points.size),
  }
}

const embed: Embedder = (texts) => Promise.resolve(texts.map((text) => [text.length]))

async function start(store: VectorStore, embedder: Embedder = embed, maxInFlight = 4): Promise<string> {
  worker = createWorker({ store, embed: embedder, maxInFlight, drain: { noticeMs: 0 } })
  return await worker.app.listen({ host: '127.0.0.1', port: 0 })
}

function post(url: string, body: unknown): Promise<Response> {
  return fetch(`${url}/documents`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

const long = Array.from({ length: 500 }, (_, index) => `word${index}`).join(' ')

test('a document is answered when all of its chunks are stored', async () => {
  const store = memoryStore()
  const response = await post(await start(store), { source: 'a.md', text: long })
  const { chunks } = (await response.json()) as { chunks: number }
  expect(response.status).toBe(200)
  expect(chunks).toBeGreaterThan(2)
  expect(store.points.size).toBe(chunks)
})

test('a shorter version of a document leaves nothing of the longer one', async () => {
  const store = memoryStore()
  const url = await start(store)
  await post(url, { source: 'a.md', text: long })
  await post(url, { source: 'a.md', text: 'Now it is short.' })
  expect([...store.points.values()].map(({ payload }) => payload.text)).toEqual(['Now it is short.'])
})

test('what is no document is refused with 400 and the reason', async () => {
  const response = await post(await start(memoryStore()), { source: 'a.md' })
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('text')
})

test('a worker that is full answers 429 with Retry-After', async () => {
  let release = (): void => {}
  const waiting: Embedder = async (texts, signal) => {
    await new Promise<void>((resolve) => {
      release = resolve
    })
    return await embed(texts, signal)
  }
  const url = await start(memoryStore(), waiting, 1)
  const first = post(url, { source: 'a.md', text: 'one' })
  await expect.poll(async () => (await post(url, { source: 'b.md', text: 'two' })).status).toBe(429)
  release()
  expect((await first).status).toBe(200)
})

test('an upstream that fails is a 502 with its reason, and counted', async () => {
  const broken: Embedder = () => Promise.reject(new Error('no embedding today'))
  const url = await start(memoryStore(), broken)
  const response = await post(url, { source: 'a.md', text: 'one' })
  expect(response.status).toBe(502)
  expect(await response.text()).toContain('no embedding today')
  expect(await (await fetch(`${url}/metrics`)).text()).toContain(
    'ragscale_worker_documents_total{result="failed"} 1',
  )
})
