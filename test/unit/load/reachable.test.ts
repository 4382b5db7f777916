import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LoadTarget } from '../../../src/load/plan.ts'
import { assertReachable } from '../../../src/load/reachable.ts'

let server: Server
let url: string
let answers: Record<string, { status: number; body: string }>
let keys: (string | string[] | undefined)[]

beforeEach(async () => {
  keys = []
  server = createServer((request, response) => {
    keys.push(request.headers['api-key'] ?? request.headers.authorization)
    const { status, body } = answers[request.url ?? ''] ?? { status: 404, body: 'no such page' }
    response.writeHead(status).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve))
})

const ask = async (target: Omit<LoadTarget, 'urls'>, env: Record<string, string> = {}, urls = [url]) =>
  await assertReachable({ stage: 'embed', target: { ...target, urls }, runsOn: 'external', env })

describe('a target that is there', () => {
  it.each([
    ['tei', {}, '/health', '{}'],
    ['ragscale', {}, '/readyz', '{}'],
    ['qdrant', { collection: 'a b' }, '/collections/a%20b', '{}'],
    ['openai', { model: 'm' }, '/v1/models', '{"data":[{"id":"m"}]}'],
  ] as const)('is known by its protocol: %s', async (protocol, more, path, body) => {
    answers = { [path]: { status: 200, body } }
    await expect(ask({ protocol, ...more })).resolves.toBeUndefined()
  })

  it('is known by its word on a question that is none, where a cluster lets no health checks in', async () => {
    const gateway = async (status: number) => {
      answers = { '/query': { status, body: 'no' } }
      const target: LoadTarget = { protocol: 'ragscale', urls: [url] }
      await assertReachable({ stage: 'pipeline', target, runsOn: 'kubernetes', env: {} })
    }
    await expect(gateway(400)).resolves.toBeUndefined()
    await expect(gateway(404)).rejects.toThrow(`${url}/query: it answered 404: no`)
  })

  it('of protocol http may answer whatever it likes; one of protocol openai need not list models', async () => {
    answers = {}
    await expect(ask({ protocol: 'http' })).resolves.toBeUndefined()
    await expect(ask({ protocol: 'openai', model: 'm' })).resolves.toBeUndefined()
  })

  it('is shown the key as its protocol wants it', async () => {
    answers = { '/collections/docs': { status: 200, body: '{}' }, '/health': { status: 200, body: '' } }
    await ask({ protocol: 'qdrant', collection: 'docs', apiKeyEnv: 'KEY' }, { KEY: 'secret' })
    await ask({ protocol: 'tei', apiKeyEnv: 'KEY' }, { KEY: 'secret' })
    expect(keys).toEqual(['secret', 'Bearer secret'])
  })
})

describe('a target that is not there', () => {
  it.each([
    [
      'tei',
      {},
      { '/health': { status: 503, body: 'loading the model' } },
      /\/health: it answered 503: loading the model/,
    ],
    ['tei', {}, { '/health': { status: 401, body: '' } }, /the key is missing or wrong/],
    ['qdrant', { collection: 'docs' }, {}, /there is no collection docs/],
    [
      'openai',
      { model: 'm' },
      { '/v1/models': { status: 200, body: '{"data":[{"id":"other"}]}' } },
      /does not serve the model m/,
    ],
  ] as const)(
    'is refused with exit 4, its URL and what happened: %s',
    async (protocol, more, given, message) => {
      answers = given
      await expect(ask({ protocol, ...more })).rejects.toMatchObject({
        exitCode: 4,
        message: expect.stringMatching(message) as string,
        hint: expect.stringMatching(/./) as string,
      })
    },
  )

  it('says that nothing listens, or that there is no such host', async () => {
    await new Promise((resolve) => server.close(resolve))
    await expect(ask({ protocol: 'tei' })).rejects.toMatchObject({
      exitCode: 4,
      message: `cannot load stage embed: ${url}/health: the connection was refused: nothing listens there`,
    })
    server = createServer().listen(0)
  })

  it('is not asked without the key that it needs', async () => {
    await expect(ask({ protocol: 'tei', apiKeyEnv: 'TEI_KEY' })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('TEI_KEY is not set') as string,
    })
    expect(keys).toEqual([])
  })

  it('is named among several', async () => {
    answers = { '/health': { status: 200, body: '' } }
    await expect(ask({ protocol: 'tei' }, {}, [url, 'http://127.0.0.1:1'])).rejects.toThrow(
      /127\.0\.0\.1:1\/health/,
    )
  })
})
