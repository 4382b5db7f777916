/** `/retrieve` and `/generate`: the two parts of a query, each by itself. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { gatewayConfigSchema } from '../../../../src/services/gateway/config.ts'
import { createGateway } from '../../../../src/services/gateway/server.ts'
import type { Gateway } from '../../../../src/services/gateway/server.ts'
import { chatStreams, fakeUpstream, json, qdrantAnswers, rerankReverses, teiAnswers } from './upstreams.ts'
import type { FakeUpstream } from './upstreams.ts'

let embed: FakeUpstream
let vector: FakeUpstream
let reranker: FakeUpstream
let chat: FakeUpstream
let gateway: Gateway | undefined

beforeEach(async () => {
  embed = await fakeUpstream(teiAnswers)
  vector = await fakeUpstream(qdrantAnswers)
  reranker = await fakeUpstream(rerankReverses)
  chat = await fakeUpstream(chatStreams(['One ', 'answer.']))
})

afterEach(async () => {
  await gateway?.close(100)
  gateway = undefined
  await Promise.all([embed, vector, reranker, chat].map((upstream) => upstream.close()))
})

async function start(extra: Record<string, unknown> = {}): Promise<string> {
  const config = gatewayConfigSchema.parse({
    embed: { url: embed.url },
    vector: { url: vector.url, collection: 'docs' },
    generate: { url: chat.url, model: 'a-model' },
    topK: 2,
    ...extra,
  })
  gateway = await createGateway(config, {})
  return await gateway.app.listen({ host: '127.0.0.1', port: 0 })
}

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

/** What the model is sent, whatever it then answers. */
function listenIn(): () => { messages: { role: string; content: string }[]; max_tokens: number } {
  let sent = ''
  const answers = chat.answer
  chat.answer = (request, body, response) => {
    sent = body
    answers(request, body, response)
  }
  return () => JSON.parse(sent) as ReturnType<ReturnType<typeof listenIn>>
}

describe('POST /retrieve', () => {
  test('answers the passages with their scores and each stage’s time, and asks no model', async () => {
    const response = await post(`${await start()}/retrieve`, { query: 'What is a shard?' })
    const body = (await response.json()) as { sources: unknown[]; timings: Record<string, number> }
    expect(response.status).toBe(200)
    expect(body.sources).toEqual([
      { id: 0, score: 1, text: 'first', source: 'first.md' },
      { id: 1, score: 0.9, text: 'second', source: 'second.md' },
    ])
    expect(Object.keys(body.timings).sort()).toEqual(['embed', 'gateway', 'retrieve'])
    expect(response.headers.get('server-timing')).toMatch(
      /^embed;dur=[\d.]+, retrieve;dur=[\d.]+, gateway;dur=/,
    )
    expect(chat.calls).toBe(0)
  })

  test('has them reranked where a reranker is, and takes as many as it is asked for', async () => {
    const url = await start({ rerank: { url: reranker.url }, candidates: 4 })
    const body = (await (await post(`${url}/retrieve`, { query: 'Which?', topK: 1 })).json()) as {
      sources: { text: string }[]
    }
    expect(body.sources.map(({ text }) => text)).toEqual(['fourth'])
  })

  test('shares its cache with /query', async () => {
    const url = await start({ cache: { retrievals: 60_000 } })
    await post(`${url}/query`, { query: 'What is a shard?' })
    const body = (await (await post(`${url}/retrieve`, { query: 'what is a SHARD?' })).json()) as {
      cache: Record<string, string>
    }
    expect(body.cache['retrieval']).toBe('hit')
    expect(vector.calls).toBe(1)
  })

  test('fails as /query does', async () => {
    embed.answer = (_request, _body, response) =>
      json(response, { error: 'full' }, 429, { 'retry-after': '2' })
    const response = await post(`${await start()}/retrieve`, { query: 'Why?' })
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '2'])
  })
})

describe('POST /generate', () => {
  test('answers a question from the passages that /retrieve gave', async () => {
    const url = await start()
    const sent = listenIn()
    const found = (await (await post(`${url}/retrieve`, { query: 'What?' })).json()) as { sources: unknown[] }
    const response = await post(`${url}/generate`, { query: 'What?', sources: found.sources, maxTokens: 7 })
    const body = (await response.json()) as Record<string, unknown>
    expect(response.status).toBe(200)
    expect(body).toMatchObject({
      answer: 'One answer.',
      usage: { prompt_tokens: 7, completion_tokens: 2 },
      timings: { generate: expect.any(Number) as number },
    })
    expect(sent().messages.at(-1)?.content).toBe('Passages:\n[1] first\n\n[2] second\n\nQuestion: What?')
    expect(sent().max_tokens).toBe(7)
    expect([embed.calls, vector.calls]).toEqual([1, 1])
  })

  test('sends a prompt as it is', async () => {
    const url = await start()
    const sent = listenIn()
    await post(`${url}/generate`, { prompt: 'Say hello.' })
    expect(sent().messages).toEqual([{ role: 'user', content: 'Say hello.' }])
  })

  test('streams tokens and a last event to whoever accepts events', async () => {
    const response = await post(
      `${await start()}/generate`,
      { prompt: 'Say hello.' },
      { accept: 'text/event-stream' },
    )
    const text = await response.text()
    expect([...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name)).toEqual(['token', 'token', 'done'])
  })

  test.each([
    ['neither a prompt nor a question', {}],
    ['both', { prompt: 'a', query: 'b' }],
    ['a prompt with passages beside it', { prompt: 'a', sources: [{ text: 'b' }] }],
  ])('refuses %s with 400 and the reason', async (_what, body) => {
    const response = await post(`${await start()}/generate`, body)
    expect(response.status).toBe(400)
    expect(await response.text()).toMatch(/prompt/)
  })
})

test('one limit holds for all routes together, and each is counted by its own name', async () => {
  let release = (): void => {}
  embed.answer = (request, body, response) => {
    release = () => teiAnswers(request, body, response)
  }
  const url = await start({ maxInFlight: 1 })
  const first = post(`${url}/retrieve`, { query: 'one' })
  await expect.poll(() => embed.calls).toBe(1)
  expect((await post(`${url}/generate`, { prompt: 'two' })).status).toBe(429)
  release()
  expect((await first).status).toBe(200)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain('ragscale_gateway_requests_total{route="generate",status="429"} 1')
  expect(metrics).toContain('ragscale_gateway_request_duration_seconds_count{route="retrieve"} 1')
})
