import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LoadStage, LoadTarget } from '../../../src/load/plan.ts'
import { prepareQueries } from '../../../src/load/queries.ts'
import type { PrepareOptions } from '../../../src/load/queries.ts'
import { parseQueryLine } from '../../../src/load/query-lines.ts'
import { stackWith } from './stacks.ts'

let folder: string
let server: Server
let url: string
/** What the server was asked, as `POST /embed`, with its body. */
let asked: { path: string; body: Record<string, unknown>; headers: Record<string, unknown> }[]
let answer: (
  path: string,
  body: Record<string, unknown>,
) => { status?: number; body: unknown; headers?: Record<string, string> }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-queries-'))
  asked = []
  server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const body = JSON.parse(text === '' ? '{}' : text) as Record<string, unknown>
      const path = request.url ?? ''
      asked.push({ path, body, headers: request.headers })
      const { status = 200, body: answered, headers = {} } = answer(path, body)
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(answered))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})

async function prepare(stage: LoadStage, text: string | null, changes: Partial<PrepareOptions> = {}) {
  const file = join(folder, 'questions')
  if (text !== null) await writeFile(file, text)
  const prepared = await prepareQueries({
    stage,
    stack: stackWith({ workload: { queries: text === null ? null : file, topK: 2 } }),
    folder,
    embed: null,
    vector: null,
    env: {},
    ...changes,
  })
  const written = (await readFile(prepared.file, 'utf8')).trimEnd().split('\n')
  return { prepared, lines: written.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

const tei = (): LoadTarget => ({ urls: [url], protocol: 'tei' })
const qdrant = (): LoadTarget => ({ urls: [url], protocol: 'qdrant', collection: 'docs' })
const point = (id: number) => ({ id, vector: [id, 1], payload: { text: `text ${id}` } })

describe('a queries file', () => {
  it('holds a text a line; blank lines, a byte order mark and Windows line ends do not matter', async () => {
    const { prepared, lines } = await prepare('embed', '\u{feff}what?\r\n\r\n  why {so}? \r\n{how?\n')
    expect(lines).toEqual([{ query: 'what?' }, { query: 'why {so}?' }, { query: '{how?' }])
    expect(prepared.count).toBe(3)
  })

  it('or JSON lines, whose other keys are left out', async () => {
    const { lines } = await prepare(
      'embed',
      '{"query":"a","id":7,"expected":["x",2]}\n{"query":"b","outputTokens":5}\n',
    )
    expect(lines).toEqual([
      { query: 'a', expected: ['x', 2] },
      { query: 'b', outputTokens: 5 },
    ])
  })

  it('is refused with the number of each bad line and what is wrong with it', async () => {
    const text =
      '{"query":"a"}\n{"query":""}\n{"query":"b","vectr":[1]}\n{"query":"c"\n{"query":"d","vector":["x"]}\n'
    await expect(prepare('embed', text)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(
        /questions:2: query: .*\n.*questions:3: unknown key vectr: did you mean vector\?\n.*questions:4: not JSON.*\n.*questions:5: vector\.0: /,
      ) as string,
    })
  })

  it('that is missing, empty or not named is an error of its own', async () => {
    await expect(prepare('embed', '\n\n')).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('holds no queries') as string,
    })
    await expect(prepare('embed', null)).rejects.toMatchObject({
      exitCode: 2,
      hint: expect.stringContaining('workload.queries') as string,
    })
    const stack = stackWith({ workload: { queries: join(folder, 'nowhere') } })
    await expect(prepare('embed', null, { stack })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('ENOENT') as string,
    })
  })

  it('is cut, and that is said, where k6 could not hold it', async () => {
    const { prepared } = await prepare('embed', 'one\ntwo\nthree\n', { maxBytes: 40 })
    expect(prepared.count).toBe(2)
    expect(prepared.notices).toEqual([expect.stringContaining('only the first 2 queries')])
  })

  it('is written for k6 so that only its owner can read it, and known again by its hash', async () => {
    const first = await prepare('embed', 'one\n')
    expect((await stat(first.prepared.file)).mode & 0o777).toBe(0o600)
    expect((await prepare('embed', 'one\n')).prepared.sha256).toBe(first.prepared.sha256)
    expect((await prepare('embed', 'two\n')).prepared.sha256).not.toBe(first.prepared.sha256)
  })

  it('of any text gives back that text', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter((text) => text.trim() !== ''),
        (query) => {
          expect(parseQueryLine(JSON.stringify({ query }), 'json')).toEqual({
            query: { query: query.trim() },
          })
        },
      ),
    )
  })
})

describe('queries for generate', () => {
  it('take the tokens of the workload where they bring none', async () => {
    const { lines } = await prepare('generate', '{"query":"a"}\n{"query":"b","inputTokens":9}\n')
    expect(lines).toEqual([
      { query: 'a', inputTokens: 64, outputTokens: 128 },
      { query: 'b', inputTokens: 9, outputTokens: 128 },
    ])
  })
})

describe('queries for retrieve', () => {
  it('are embedded in batches where they bring no vector, and learn their true answers by exact search', async () => {
    answer = (path, body) =>
      path === '/embed'
        ? { body: (body['inputs'] as string[]).map((text) => [text.length, 0]) }
        : { body: { result: { points: [{ id: 1 }, { id: 'b' }] } } }
    const text = Array.from({ length: 40 }, (_, index) => 'q'.repeat(index + 1)).join('\n')
    const { prepared, lines } = await prepare('retrieve', text, { embed: tei(), vector: qdrant() })
    expect(
      asked.filter(({ path }) => path === '/embed').map(({ body }) => (body['inputs'] as string[]).length),
    ).toEqual([32, 8])
    expect(lines[33]).toEqual({ query: 'q'.repeat(34), vector: [34, 0], expected: [1, 'b'] })
    expect(prepared.withExpected).toBe(40)
    expect(asked.find(({ path }) => path.endsWith('/query'))?.body).toEqual({
      query: [1, 0],
      limit: 2,
      with_payload: false,
      params: { exact: true },
    })
  })

  it('are embedded by an OpenAI-style endpoint too, whatever the order of its answer', async () => {
    answer = (_path, body) => ({
      body: {
        data: (body['input'] as string[])
          .map((text, index) => ({ index, embedding: [text.length] }))
          .toReversed(),
      },
    })
    const embed = { ...tei(), protocol: 'openai', model: 'm', apiKeyEnv: 'KEY' } as const
    const { lines } = await prepare('retrieve', 'a\nbb\n', { embed, env: { KEY: 'secret' } })
    expect(lines.map((line) => line['vector'])).toEqual([[1], [2]])
    expect(asked[0]).toMatchObject({
      path: '/v1/embeddings',
      body: { model: 'm' },
      headers: { authorization: 'Bearer secret' },
    })
  })

  it('wait while the endpoint says that it is busy', async () => {
    answer = (_path, body) =>
      asked.length < 3
        ? { status: 429, body: {}, headers: { 'retry-after': '0' } }
        : { body: (body['inputs'] as string[]).map(() => [1]) }
    const { lines } = await prepare('retrieve', 'a\n', { embed: tei() })
    expect(lines).toEqual([{ query: 'a', vector: [1] }])
  })

  it('are vectors of the collection, page by page, where there is no file; that is said', async () => {
    answer = (path, body) => {
      if (path.endsWith('/query')) return { body: { result: { points: [{ id: 1 }] } } }
      const from = Number(body['offset'] ?? 0)
      const points = Array.from({ length: Math.min(64, 100 - from) }, (_, index) => point(from + index))
      return { body: { result: { points, next_page_offset: from + 64 < 100 ? from + 64 : null } } }
    }
    const { prepared, lines } = await prepare('retrieve', null, { vector: qdrant() })
    expect(lines).toHaveLength(100)
    expect(lines[70]).toMatchObject({ vector: [70, 1] })
    expect(prepared.notices).toEqual([expect.stringContaining('vectors of the collection itself')])
  })

  it('go on without recall, and say so, where exact search fails', async () => {
    answer = () => ({ status: 400, body: { status: { error: 'no exact search' } } })
    const { prepared, lines } = await prepare(
      'retrieve',
      '{"query":"a","vector":[1]}\n{"query":"b","vector":[2]}\n',
      { vector: qdrant() },
    )
    expect(lines).toEqual([
      { query: 'a', vector: [1] },
      { query: 'b', vector: [2] },
    ])
    expect(prepared.notices).toEqual([expect.stringMatching(/recall@2 is not known: .*no exact search/)])
    expect(asked).toHaveLength(1)
  })

  it('are refused where nothing gives a vector, and where vectors differ in size', async () => {
    await expect(prepare('retrieve', 'a\n')).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('query 1 has none') as string,
    })
    await expect(
      prepare('retrieve', '{"query":"a","vector":[1]}\n{"query":"b","vector":[1,2]}\n'),
    ).rejects.toThrow(/query 2 has a vector of 2 dimensions/)
    answer = () => ({ body: { result: { points: [], next_page_offset: null } } })
    await expect(prepare('retrieve', null, { vector: qdrant() })).rejects.toMatchObject({
      exitCode: 4,
      hint: expect.stringContaining('ragscale ingest') as string,
    })
  })

  it('name the server and what it said when it will not help', async () => {
    answer = () => ({ status: 500, body: { error: 'out of memory' } })
    await expect(prepare('retrieve', 'a\n', { embed: tei() })).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(
        /could not embed the queries: http:.*\/embed: it answered 500: .*out of memory/,
      ) as string,
    })
  })
})

describe('queries for rerank', () => {
  it('take texts of the collection in turn where they bring none', async () => {
    answer = () => ({
      body: { result: { points: Array.from({ length: 30 }, (_, id) => point(id)), next_page_offset: null } },
    })
    const { prepared, lines } = await prepare(
      'rerank',
      '{"query":"a"}\n{"query":"b"}\n{"query":"c","documents":["d"]}\n',
      { vector: qdrant() },
    )
    const documents = lines.map((line) => line['documents'] as string[])
    expect(documents[0]).toHaveLength(20)
    expect(documents[1]?.slice(0, 2)).toEqual(['text 20', 'text 21'])
    expect(lines[2]).toEqual({ query: 'c', documents: ['d'] })
    expect(prepared.notices).toHaveLength(1)
  })

  it('are refused where there is nothing to rank', async () => {
    await expect(prepare('rerank', 'a\n')).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('texts to rank') as string,
    })
  })
})
