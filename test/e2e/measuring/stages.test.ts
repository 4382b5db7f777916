/** Every stage's script, run by the real k6 against a server that speaks the stage's protocol. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LoadStage, LoadTarget } from '../../../src/load/plan.ts'
import type { StepLine } from '../../../src/recording/load-lines.ts'
import { measure } from './measure.ts'

interface Asked {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Record<string, unknown>
}

let asked: Asked[]
let answer: (asked: Asked, response: ServerResponse) => void
const server = createServer((request, response) => {
  let text = ''
  request.on('data', (data: Buffer) => (text += data.toString()))
  request.on('end', () => {
    const one = {
      path: request.url ?? '',
      headers: request.headers,
      body: JSON.parse(text) as Record<string, unknown>,
    }
    asked.push(one)
    answer(one, response)
  })
})
let url: string

beforeEach(async () => {
  asked = []
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const json = (body: unknown) => (_: Asked, response: ServerResponse) =>
  response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
const sse =
  (...events: string[]) =>
  (_: Asked, response: ServerResponse) =>
    response
      .setHeader('content-type', 'text/event-stream')
      .end(events.map((event) => `${event}\n\n`).join(''))

/** Twenty requests, evenly in one second. */
async function load(
  stage: LoadStage,
  target: Omit<LoadTarget, 'urls'>,
  queries: readonly object[],
  timeoutMs = 2_000,
): Promise<StepLine> {
  const { run } = await measure(
    {
      stage,
      scenario: 'steady',
      rate: 20,
      durationMs: 1_000,
      warmupMs: 0,
      arrivals: { kind: 'constant' },
      timeoutMs,
      maxInFlight: 32,
    },
    { urls: [url], ...target },
    queries,
  )
  const [step] = run.steps
  if (step === undefined) throw new Error('nothing was measured')
  return step
}

const all = { scheduled: 20, sent: 20, succeeded: 20, failed: 0, errors: {} }

describe('the script of', () => {
  it('embed asks TEI for the vector of one text', async () => {
    answer = json([[0.1, 0.2]])
    expect(await load('embed', { protocol: 'tei' }, [{ query: 'a' }, { query: 'b' }])).toMatchObject(all)
    expect(asked).toHaveLength(20)
    expect(new Set(asked.map(({ path, body }) => `${path} ${JSON.stringify(body)}`))).toEqual(
      new Set(['/embed {"inputs":"a"}', '/embed {"inputs":"b"}']),
    )
  })

  it('embed asks an OpenAI-style endpoint, with its key, and never the same text twice when that is wanted', async () => {
    answer = json({ data: [{ index: 0, embedding: [1] }] })
    process.env['STAGES_TEST_KEY'] = 'secret'
    const target = {
      protocol: 'openai',
      model: 'm',
      apiKeyEnv: 'STAGES_TEST_KEY',
      headersEnv: { 'X-Team': 'STAGES_TEST_KEY' },
      unique: true,
    } as const
    expect(await load('embed', target, [{ query: 'why?' }])).toMatchObject(all)
    expect(asked[0]).toMatchObject({
      path: '/v1/embeddings',
      body: { model: 'm' },
      headers: { authorization: 'Bearer secret', 'x-team': 'secret' },
    })
    const texts = asked.map(({ body }) => String(body['input']))
    expect(new Set(texts).size).toBe(20)
    for (const text of texts) expect(text).toMatch(/^\[.+\] why\?$/)
  })

  it('retrieve searches for a vector and says how much of the truth came back', async () => {
    answer = json({ result: { points: [{ id: 1 }, { id: 'b' }] }, status: 'ok' })
    const step = await load('retrieve', { protocol: 'qdrant', collection: 'docs', topK: 2 }, [
      { query: 'a', vector: [1, 2], expected: [1, 7] },
    ])
    expect(step).toMatchObject({ ...all, recall: { sum: 10, count: 20 } })
    expect(asked[0]).toMatchObject({
      path: '/collections/docs/points/query',
      body: { query: [1, 2], limit: 2, with_payload: true },
    })
  })

  it('retrieve calls an answer malformed when it should hold points and does not', async () => {
    answer = json({ status: 'ok' })
    const step = await load('retrieve', { protocol: 'qdrant', collection: 'docs' }, [
      { query: 'a', vector: [1], expected: [1] },
    ])
    expect(step).toMatchObject({ succeeded: 0, failed: 20, errors: { malformed: 20 } })
  })

  it('rerank asks TEI to rank the documents of a query', async () => {
    answer = json([{ index: 0, score: 1 }])
    expect(await load('rerank', { protocol: 'tei' }, [{ query: 'a', documents: ['b', 'c'] }])).toMatchObject(
      all,
    )
    expect(asked[0]).toMatchObject({ path: '/rerank', body: { query: 'a', texts: ['b', 'c'] } })
  })

  it('generate streams a completion and counts its tokens by the usage', async () => {
    const chunk = (delta: object) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}`
    answer = sse(
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'a' }),
      chunk({ content: 'b' }),
      `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 3 } } })}`,
      'data: [DONE]',
    )
    const step = await load('generate', { protocol: 'openai', model: 'm', outputTokens: 2 }, [
      { query: 'a', inputTokens: 50 },
    ])
    expect(step).toMatchObject({ ...all, inputTokens: 100, outputTokens: 40, cachedTokens: 60, chunks: 40 })
    expect(asked[0]).toMatchObject({
      path: '/v1/chat/completions',
      body: { model: 'm', stream: true, stream_options: { include_usage: true }, max_tokens: 2 },
    })
  })

  it('pipeline streams a query of the reference gateway', async () => {
    answer = sse(
      'event: sources\ndata: {"sources":[],"timings":{"embed":1,"retrieve":2}}',
      'event: token\ndata: {"text":"a"}',
      `event: done\ndata: ${JSON.stringify({ answer: 'a', sources: [], usage: { prompt_tokens: 5, completion_tokens: 1 }, timings: { embed: 1, retrieve: 2, generate: 3, gateway: 1 }, cache: { embedding: 'miss', retrieval: 'hit', answer: 'off' } })}`,
    )
    const step = await load('pipeline', { protocol: 'ragscale', topK: 3, outputTokens: 9 }, [{ query: 'a' }])
    expect(step).toMatchObject({ ...all, cache: { embedding: { miss: 20 }, retrieval: { hit: 20 } } })
    expect(asked[0]).toMatchObject({
      path: '/query',
      body: { query: 'a', stream: true, topK: 3, maxTokens: 9 },
      headers: { accept: 'text/event-stream' },
    })
  })

  it('pipeline asks any service by its template, and wants an answer where the path says', async () => {
    answer = ({ body }, response) =>
      response.end(JSON.stringify(body['question'] === 'a "b"' ? { out: [{ text: 'yes' }] } : {}))
    const target = { protocol: 'http', body: '{"question": {{query}}}', answer: '$.out[0].text' } as const
    expect(await load('pipeline', target, [{ query: 'a "b"' }])).toMatchObject(all)
    expect(await load('pipeline', target, [{ query: 'other' }])).toMatchObject({
      succeeded: 0,
      errors: { malformed: 20 },
    })
  })
})

describe('a server that does not answer as it should is counted by what it did:', () => {
  it.each([
    ['500', (_: Asked, response: ServerResponse) => response.writeHead(500).end('oops'), 'http_500'],
    ['429', (_: Asked, response: ServerResponse) => response.writeHead(429).end(), 'http_429'],
    ['hangs', () => undefined, 'timeout'],
    ['closes before it answers', (_: Asked, response: ServerResponse) => response.destroy(), 'closed_early'],
  ])('%s', async (_name, behaviour, label) => {
    answer = behaviour
    const step = await load('embed', { protocol: 'tei' }, [{ query: 'a' }], 300)
    expect(step).toMatchObject({ scheduled: 20, succeeded: 0, failed: 20 })
    expect(Object.keys(step.errors)).toEqual([label])
  })

  it.each([
    [
      'closes in the middle of a stream',
      (_: Asked, response: ServerResponse) =>
        response.write('data: {"choices":[{"delta":{"content":"a"}}]}\n\n', () => response.destroy()),
      'closed_early',
    ],
    ['streams what is no JSON', sse('data: {oops', 'data: [DONE]'), 'malformed'],
    ['streams an error', sse('data: {"error":{"message":"out of memory"}}'), 'stream_error'],
  ])('%s', async (_name, behaviour, label) => {
    answer = behaviour
    const step = await load('generate', { protocol: 'openai', model: 'm', outputTokens: 2 }, [{ query: 'a' }])
    expect(step).toMatchObject({ scheduled: 20, succeeded: 0, failed: 20 })
    expect(Object.keys(step.errors)).toEqual([label])
  })
})
