import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ingestFolder } from '../../../src/ingest/ingest.ts'
import type { Embedder } from '../../../src/ingest/embedder.ts'
import type { IngestSummary } from '../../../src/ingest/ingest.ts'
import type { StoredPoint, VectorStore } from '../../../src/ingest/store.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-ingest-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true })
  await writeFile(join(folder, name), text)
}

/** A collection in memory that keeps the contract of `VectorStore`. */
function memoryStore(): VectorStore & { points: Map<string, StoredPoint>; writes: number } {
  const points = new Map<string, StoredPoint>()
  const store = {
    points,
    writes: 0,
    prepare: () => Promise.resolve({ created: true }),
    completeDocuments: (root: string) =>
      Promise.resolve(
        new Map(
          [...points.values()]
            .filter(({ payload }) => payload.root === root && payload.chunk === 0)
            .map(({ payload }) => [payload.source, payload.hash]),
        ),
      ),
    upsert: (written: readonly StoredPoint[]) => {
      store.writes++
      for (const point of written) points.set(point.id, point)
      return Promise.resolve()
    },
    removeChunks: (root: string, source: string, from: number) => {
      for (const [id, { payload }] of points) {
        if (payload.root === root && payload.source === source && payload.chunk >= from) points.delete(id)
      }
      return Promise.resolve()
    },
    count: () => Promise.resolve(points.size),
  }
  return store
}

const embed: Embedder = (texts) => Promise.resolve(texts.map((text) => [text.length, 1]))

function run(store: VectorStore, extra: { embed?: Embedder; root?: string } = {}): Promise<IngestSummary> {
  return ingestFolder({
    folder,
    root: 'docs',
    embed,
    store,
    chunkSize: { words: 10, overlap: 2 },
    batch: 4,
    concurrency: 2,
    signal: new AbortController().signal,
    ...extra,
  })
}

const long = Array.from({ length: 60 }, (_, index) => `word${index}`).join(' ')

describe('ingesting a folder', () => {
  test('reads Markdown, text, HTML and JSON lines, and passes hidden folders over', async () => {
    await write('a.md', '# Title\n\nText of a.')
    await write('deep/b.txt', 'Text of b.')
    await write('c.html', '<html><nav>menu</nav><h1>Heading</h1><p>Text of <b>c</b>.</p></html>')
    await write('d.jsonl', '{"id":"x","text":"Text of d."}\n\n{"content":"Another."}\n')
    await write('.git/e.md', 'Not this one.')
    await write('f.png', 'nor this')
    const store = memoryStore()
    expect(await run(store)).toMatchObject({ found: 5, added: 5 })
    const stored = [...store.points.values()].map(({ payload }) => payload)
    expect(stored.map(({ source }) => source).sort()).toEqual([
      'a.md',
      'c.html',
      'd.jsonl#3',
      'd.jsonl#x',
      'deep/b.txt',
    ])
    expect(stored.find(({ source }) => source === 'c.html')?.text).toBe('Heading\n\nText of c.')
  })

  test('again changes nothing', async () => {
    await write('a.md', long)
    const store = memoryStore()
    await run(store)
    const { writes } = store
    expect(await run(store)).toMatchObject({ found: 1, added: 0, changed: 0, unchanged: 1, chunks: 0 })
    expect(store.writes).toBe(writes)
  })

  test('writes a changed document again and removes the chunks it no longer has', async () => {
    await write('a.md', long)
    const store = memoryStore()
    await run(store)
    await write('a.md', 'Now it is short.')
    expect(await run(store)).toMatchObject({ changed: 1, added: 0 })
    expect([...store.points.values()].map(({ payload }) => payload.text)).toEqual(['Now it is short.'])
  })

  test('removes what was deleted from the folder, and nothing of another folder', async () => {
    await write('a.md', 'Text of a.')
    await write('b.md', 'Text of b.')
    const store = memoryStore()
    await run(store)
    await run(store, { root: 'other' })
    await rm(join(folder, 'a.md'))
    expect(await run(store)).toMatchObject({ removed: 1, unchanged: 1 })
    const left = [...store.points.values()].map(({ payload }) => `${payload.root}/${payload.source}`)
    expect(left.sort()).toEqual(['docs/b.md', 'other/a.md', 'other/b.md'])
  })

  test('that broke off is taken up where it was', async () => {
    for (let index = 0; index < 20; index++)
      await write(`${String(index).padStart(2, '0')}.md`, `${long} ${index}`)
    const store = memoryStore()
    let calls = 0
    const breaking: Embedder = (texts, signal) => {
      calls++
      return calls > 12 ? Promise.reject(new Error('killed')) : embed(texts, signal)
    }
    await expect(run(store, { embed: breaking })).rejects.toThrow('killed')
    const before = await store.completeDocuments('docs')
    expect(before.size).toBeGreaterThan(0)
    const summary = await run(store)
    expect(summary.unchanged).toBe(before.size)
    expect(summary.unchanged + summary.added).toBe(20)
    const fresh = memoryStore()
    await run(fresh)
    expect([...store.points.keys()].sort()).toEqual([...fresh.points.keys()].sort())
  })

  test('names the line of a JSON-lines file that cannot be read', async () => {
    await write('d.jsonl', '{"text":"fine"}\n{"text":\n')
    await expect(run(memoryStore())).rejects.toThrow(/d\.jsonl:2: not JSON/)
  })

  test('of a folder that is not there says so', async () => {
    await rm(folder, { recursive: true })
    await expect(run(memoryStore())).rejects.toThrow(/cannot read the folder/)
    await mkdir(folder)
  })
})
