import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { LoadStage, LoadTarget } from '../../../src/load/plan.ts'
import { tryOnce } from '../../../src/load/trial.ts'

let server: Server
let url: string
let folder: string
let status: number
let body: string
let asked: { path: string; body: unknown }[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-trial-'))
  const first = { query: 'Why "$&"?', vector: [1, 0], documents: ['one', 'two'] }
  await writeFile(join(folder, 'queries.jsonl'), `${JSON.stringify(first)}\n{"query":"second"}\n`)
  server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part))
    request.on('end', () => {
      asked.push({ path: request.url ?? '', body: JSON.parse(text) })
      response.writeHead(status).end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  status = 200
  body = '{}'
  asked = []
})
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})

const attempt = async (stage: LoadStage, target: Omit<LoadTarget, 'urls'>, path = '') =>
  await tryOnce({
    stage,
    target: { urls: [url + path], ...target },
    queriesFile: join(folder, 'queries.jsonl'),
    env: { KEY: 'secret-key' },
    timeoutMs: 5_000,
  })

const service = { protocol: 'http', body: '{"q": {{query}}}', answer: '$.text' } as const

describe('one request before thousands', () => {
  it.each([
    ['embed', { protocol: 'tei' }, '', '/embed', { inputs: 'Why "$&"?' }],
    [
      'embed',
      { protocol: 'openai', model: 'm' },
      '/v1',
      '/v1/embeddings',
      { model: 'm', input: 'Why "$&"?' },
    ],
    [
      'retrieve',
      { protocol: 'qdrant', collection: 'a b', topK: 3 },
      '',
      '/collections/a%20b/points/query',
      { query: [1, 0], limit: 3, with_payload: false },
    ],
    ['rerank', { protocol: 'tei' }, '', '/rerank', { query: 'Why "$&"?', texts: ['one'], truncate: true }],
  ] as const)('of stage %s, %j at %s, is the first query, to %s', async (stage, target, at, path, sent) => {
    await attempt(stage, target, at)
    expect(asked).toEqual([{ path, body: sent }])
  })

  it('of a service of any kind is its template, and needs an answer at its path', async () => {
    body = '{"text":"because"}'
    await attempt('pipeline', service, '/ask')
    expect(asked).toEqual([{ path: '/ask', body: { q: 'Why "$&"?' } }])
    body = '{"text":""}'
    await expect(attempt('pipeline', service)).rejects.toMatchObject({
      exitCode: 2,
      message: /\$\.text is empty/,
    })
    body = '<html>'
    await expect(attempt('pipeline', service)).rejects.toMatchObject({ exitCode: 2, message: /not JSON/ })
  })

  it('of generate asks for one token, which costs the least', async () => {
    await attempt('generate', { protocol: 'openai', model: 'm' })
    expect(asked[0]).toMatchObject({ path: '/v1/chat/completions', body: { max_tokens: 1, stream: true } })
  })

  it('passes a server that is busy, and leaves the caches of the gateway alone', async () => {
    status = 429
    await attempt('embed', { protocol: 'tei' })
    expect(asked).toHaveLength(1)
    await attempt('pipeline', { protocol: 'ragscale' })
    expect(asked).toHaveLength(1)
  })

  it('quotes the server that refuses it, without the key that it repeats', async () => {
    status = 404
    body = 'model m is not for secret-key'
    await expect(attempt('embed', { protocol: 'tei', apiKeyEnv: 'KEY' })).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringContaining('it answered 404: model m is not for ***') as string,
    })
  })
})
