import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { externalPlace } from '../../real/place.ts'
import type { Ended } from '../ragscale.ts'
import { Servers } from './servers.ts'
import type { Front } from './servers.ts'

const servers = new Servers()
const model = 'meta-llama/Llama-3.1-8B-Instruct'
let tei: string
let vllm: string
let qdrant: string
let counted: Front

beforeAll(async () => {
  ;[tei, vllm, qdrant] = await Promise.all([servers.tei(), servers.vllm(model), servers.qdrant()])
  counted = await servers.front({ upstream: tei })
})
afterAll(() => servers.stop())

type Endpoints = Parameters<typeof externalPlace>[0]

async function ran(endpoints: Endpoints, args: string, more: Record<string, unknown> = {}): Promise<Ended> {
  const place = await externalPlace(endpoints, { more })
  try {
    return await place.ragscale(...args.split(' '))
  } finally {
    await place.leave()
  }
}

const smoke = 'loadtest --scenario smoke --duration 2s'

describe('an endpoint that is not there', () => {
  // Nothing listens on a reserved port.
  const nowhere = 'http://127.0.0.1:1'

  test('is named with what to do next, and nothing is recorded', async () => {
    const { exitCode, stderr, stdout } = await ran({ embed: { url: nowhere } }, `${smoke} --stage embed`)
    expect(exitCode).toBe(4)
    expect(stderr).toContain(`${nowhere}/health: the connection was refused`)
    expect(stderr).toContain(`curl -i ${nowhere}`)
    expect(stdout).toBe('')
  })

  test('is one JSON document with --json', async () => {
    const { exitCode, stdout } = await ran({ embed: { url: nowhere } }, `--json ${smoke} --stage embed`)
    expect(exitCode).toBe(4)
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'unreachable', message: expect.stringContaining(nowhere) as string },
    })
  })

  test('status says so, and offers nothing that would start it', async () => {
    const { exitCode, stdout } = await ran({ embed: { url: nowhere } }, 'status')
    expect(exitCode).toBe(4)
    expect(stdout).toContain('does not answer')
    expect(stdout).not.toContain('ragscale up')
  })

  test('ingest names it too', async () => {
    const { exitCode, stderr } = await ran(
      { embed: { url: tei }, vector: { url: nowhere, collection: 'docs' } },
      'ingest documents',
    )
    expect(exitCode).toBe(4)
    expect(stderr).toContain(nowhere)
  })
})

describe('an endpoint that is another than the file says', () => {
  test.each([
    [
      'a model that it does not serve',
      'generate',
      () => ({ url: vllm, model: 'gpt-5' }),
      `it serves ${model}`,
    ],
    [
      'a collection that it has not',
      'retrieve',
      () => ({ url: qdrant, collection: 'nope' }),
      'no collection nope',
    ],
    ['a path that it has not', 'embed', () => ({ url: `${tei}/deep` }), 'it answered 404'],
  ] as const)('%s', async (_, stage, endpoint, words) => {
    const name = stage === 'retrieve' ? 'vector' : stage
    const { exitCode, stderr } = await ran({ [name]: endpoint() }, `${smoke} --stage ${stage}`)
    expect(exitCode).toBe(4)
    expect(stderr).toContain(words)
  })

  test('a redirect is not followed: a key would go with it', async () => {
    const elsewhere = await servers.front({ upstream: tei })
    const front = await servers.front({ upstream: tei, redirect: `${elsewhere.url}/health` })
    const { exitCode, stderr } = await ran({ embed: { url: front.url } }, `${smoke} --stage embed`)
    expect(exitCode).toBe(4)
    expect(stderr).toContain(`it answered 308, to ${elsewhere.url}/health`)
    expect((await elsewhere.seen()).requests).toBe(0)
  })

  test('vectors of another size than the collection’s are said before the load, in Qdrant’s words', async () => {
    const { url } = { url: qdrant }
    await fetch(`${url}/collections/narrow`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ vectors: { size: 3, distance: 'Cosine' } }),
    })
    const { exitCode, stderr } = await ran(
      { embed: { url: tei }, vector: { url, collection: 'narrow' } },
      `${smoke} --stage retrieve`,
    )
    expect(exitCode).toBe(4)
    expect(stderr).toMatch(/it answered 400: .*dim/i)
    expect(stderr).toContain('the embedding model')
  })
})

describe('beyond this machine', () => {
  test('nothing is loaded without --yes, and no name is looked up', async () => {
    const { exitCode, stderr } = await ran(
      { embed: { url: 'https://embed.example.invalid' } },
      `${smoke} --stage embed`,
    )
    expect(exitCode).toBe(2)
    expect(stderr).toContain('embed.example.invalid')
    expect(stderr).toContain('--yes')
    expect(stderr).not.toContain('no host of that name')
  })

  test('what would be asked beforehand counts, and what is near is not called either', async () => {
    const { exitCode, stderr } = await ran(
      { embed: { url: 'https://embed.example.invalid' }, vector: { url: counted.url, collection: 'docs' } },
      `${smoke} --stage retrieve`,
    )
    expect(exitCode).toBe(2)
    expect(stderr).toContain('embed.example.invalid')
    expect((await counted.seen()).connections).toBe(0)
  })

  test('documents are not sent to be embedded without --yes', async () => {
    const { exitCode, stderr } = await ran(
      { embed: { url: 'https://embed.example.invalid' }, vector: { url: counted.url, collection: 'docs' } },
      'ingest documents',
    )
    expect(exitCode).toBe(2)
    expect(stderr).toContain('embed.example.invalid')
    expect((await counted.seen()).connections).toBe(0)
  })

  test('with --yes it is tried, and then it is the network that says no', async () => {
    const { exitCode, stderr } = await ran(
      { embed: { url: 'https://embed.example.invalid' } },
      `--yes ${smoke} --stage embed`,
    )
    expect(exitCode).toBe(4)
    expect(stderr).toContain('Loading embed.example.invalid: up to 2/s')
  })

  test('limits.load holds wherever it goes, and before anything is called', async () => {
    const limited = { limits: { load: { rate: '5/s' } } }
    const { exitCode, stderr } = await ran(
      { embed: { url: counted.url } },
      'loadtest --stage embed --rate 6/s',
      limited,
    )
    expect(exitCode).toBe(2)
    expect(stderr).toContain('limits.load.rate')
    expect((await counted.seen()).connections).toBe(0)
  })
})
