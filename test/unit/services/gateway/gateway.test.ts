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
  chat = await fakeUpstream(chatStreams(['Shards ', 'hold ', 'points.']))
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

function ask(url: string, query: string, extra: Record<string, unknown> = {}): Promise<Response> {
  return fetch(`${url}/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, ...extra }),
  })
}

interface AnswerBody {
  answer: string
  sources: { id: number; text: string; source: string }[]
  usage: { completion_tokens: number }
  timings: Record<string, number>
  cache: Record<string, string>
  error?: { code: string; message: string }
}

async function bodyOf(response: Response): Promise<AnswerBody> {
  return (await response.json()) as AnswerBody
}

describe('a query', () => {
  test('is embedded, retrieved for and answered, with the time of each stage', async () => {
    const response = await ask(await start(), 'What do shards hold?')
    const body = await bodyOf(response)
    expect(response.status).toBe(200)
    expect(body.answer).toBe('Shards hold points.')
    expect(body.sources.map(({ text }) => text)).toEqual(['first', 'second'])
    expect(body.usage).toEqual({ prompt_tokens: 7, completion_tokens: 3 })
    expect(Object.keys(body.timings).sort()).toEqual(['embed', 'gateway', 'generate', 'retrieve'])
    expect(response.headers.get('server-timing')).toMatch(
      /^embed;dur=[\d.]+, retrieve;dur=[\d.]+, generate;dur=/,
    )
  })

  test('reaches the model with its passages before its question, so that prefixes can be shared', async () => {
    let prompt = ''
    const answers = chatStreams(['ok'])
    chat.answer = (request, body, response) => {
      prompt = (JSON.parse(body) as { messages: { content: string }[] }).messages
        .map(({ content }) => content)
        .join('\n')
      answers(request, body, response)
    }
    await ask(await start(), 'Why?')
    expect(prompt.indexOf('[1] first')).toBeGreaterThan(0)
    expect(prompt.indexOf('Why?')).toBeGreaterThan(prompt.indexOf('[2] second'))
  })

  test('streams sources, tokens and a last event with the timings', async () => {
    const response = await ask(await start(), 'What?', { stream: true })
    const text = await response.text()
    const names = [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name)
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(names).toEqual(['sources', 'token', 'token', 'token', 'done'])
    const last = JSON.parse(text.slice(text.lastIndexOf('data: ') + 6)) as AnswerBody
    expect(last.answer).toBe('Shards hold points.')
    expect(last.timings['generate']).toBeGreaterThanOrEqual(0)
  })

  test('has its candidates reranked, and only the best reach the answer', async () => {
    const body = await bodyOf(
      await ask(await start({ rerank: { url: reranker.url }, candidates: 4 }), 'Which?'),
    )
    expect(body.sources.map(({ text }) => text)).toEqual(['fourth', 'third'])
    expect(body.timings['rerank']).toBeGreaterThanOrEqual(0)
  })

  test('that is no JSON object with a question is refused with 400 and the reason', async () => {
    const response = await ask(await start(), '   ')
    expect(response.status).toBe(400)
    expect((await bodyOf(response)).error?.message).toContain('query')
  })
})

describe('caches', () => {
  const on = { cache: { embeddings: 60_000, retrievals: 60_000, answers: 60_000 } }

  test('answer the same question again without any upstream', async () => {
    const url = await start(on)
    await ask(url, 'What do shards hold?')
    const again = await bodyOf(await ask(url, '  what do SHARDS hold? '))
    expect(again.cache).toEqual({ embedding: 'miss', retrieval: 'miss', answer: 'hit' })
    expect(again.answer).toBe('Shards hold points.')
    expect([embed.calls, vector.calls, chat.calls]).toEqual([1, 1, 1])
  })

  test('are each turned off by having no time to live', async () => {
    const url = await start({ cache: { embeddings: 60_000 } })
    await ask(url, 'Why?')
    const again = await bodyOf(await ask(url, 'Why?'))
    expect(again.cache).toEqual({ embedding: 'hit', retrieval: 'off', answer: 'off' })
    expect([embed.calls, vector.calls, chat.calls]).toEqual([1, 2, 2])
  })
})

describe('an upstream that fails', () => {
  test('while reading is asked again', async () => {
    embed.answer = (request, body, response) =>
      embed.calls === 1 ? json(response, { error: 'restarting' }, 502) : teiAnswers(request, body, response)
    expect((await ask(await start(), 'Why?')).status).toBe(200)
    expect(embed.calls).toBe(2)
  })

  test('with a 4xx is not asked again', async () => {
    embed.answer = (_request, _body, response) => json(response, { error: 'too long' }, 413)
    const response = await ask(await start(), 'Why?')
    expect(response.status).toBe(502)
    expect((await bodyOf(response)).error?.code).toBe('upstream_embed')
    expect(embed.calls).toBe(1)
  })

  test('by being full makes the gateway say so, with how long to wait', async () => {
    chat.answer = (_request, _body, response) =>
      json(response, { error: 'full' }, 429, { 'retry-after': '3' })
    const response = await ask(await start(), 'Why?')
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('3')
  })

  test('in the middle of an answer ends the stream with an error event and is not asked again', async () => {
    chat.answer = (_request, _body, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: {"choices":[{"delta":{"content":"Half"}}]}\n\n', () => response.destroy())
    }
    const text = await (await ask(await start(), 'Why?', { stream: true })).text()
    expect(text).toContain('event: token')
    expect(text).toMatch(/event: error\ndata: {"error":{"code":"upstream_generate"/)
    expect(chat.calls).toBe(1)
  })

  test('again and again is left alone until it has had time to recover', async () => {
    embed.answer = (_request, _body, response) => json(response, { error: 'broken' }, 500)
    const url = await start()
    for (let i = 0; i < 12; i++) await ask(url, `question ${i}`)
    expect(embed.calls).toBe(10)
    const ready = (await (await fetch(`${url}/readyz`)).json()) as { circuits: Record<string, string> }
    expect(ready.circuits['embed']).toBe('open')
  })

  test('by hanging is given up after its time limit', async () => {
    embed.answer = () => {}
    const response = await ask(await start({ timeouts: { embedMs: 50 } }), 'Why?')
    expect(response.status).toBe(504)
    expect((await bodyOf(response)).error?.message).toContain('embed: no answer within 50 ms')
  })
})

describe('a gateway', () => {
  test('that is full answers 429 with Retry-After instead of queueing', async () => {
    let release = (): void => {}
    embed.answer = (request, body, response) => {
      release = () => teiAnswers(request, body, response)
    }
    const url = await start({ maxInFlight: 1 })
    const first = ask(url, 'one')
    await expect.poll(() => embed.calls).toBe(1)
    const second = await ask(url, 'two')
    expect(second.status).toBe(429)
    expect(second.headers.get('retry-after')).toBe('1')
    release()
    expect((await first).status).toBe(200)
    expect(await (await fetch(`${url}/metrics`)).text()).toContain(
      'ragscale_gateway_requests_total{route="query",status="429"} 1',
    )
  })

  test('that is told to stop says it is not ready first, and goes on serving for as long as it was told', async () => {
    const url = await start({ drain: { noticeMs: 2_000, graceMs: 10_000 } })
    const closed = gateway?.close(10_000)
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    const late = await ask(url, 'Is anybody there?')
    expect([late.status, late.headers.get('connection')]).toEqual([200, 'close'])
    await closed
    await expect(ask(url, 'And now?')).rejects.toThrow()
  })

  test('names the variable of a key that it was promised and has not', async () => {
    const config = { embed: { url: embed.url, apiKeyEnv: 'NO_SUCH_KEY' } }
    await expect(start(config)).rejects.toThrow('the environment variable NO_SUCH_KEY is not set')
  })

  test('that is told to stop finishes what it has begun', async () => {
    let release = (): void => {}
    embed.answer = (request, body, response) => {
      release = () => teiAnswers(request, body, response)
    }
    const url = await start()
    const first = ask(url, 'one')
    await expect.poll(() => embed.calls).toBe(1)
    const closed = gateway?.close(5_000)
    release()
    expect((await first).status).toBe(200)
    await closed
  })

  test('exports its stages, caches and circuits as metrics', async () => {
    const url = await start({ cache: { answers: 60_000 } })
    await ask(url, 'Why?')
    await ask(url, 'Why?')
    const text = await (await fetch(`${url}/metrics`)).text()
    expect(text).toContain('ragscale_gateway_requests_total{route="query",status="200"} 2')
    expect(text).toContain('ragscale_gateway_in_flight{route="query"} 0')
    expect(text).toContain('ragscale_gateway_max_in_flight 512')
    expect(text).toContain('ragscale_gateway_cache_total{cache="answer",result="hit"} 1')
    expect(text).toContain('ragscale_gateway_stage_duration_seconds_count{stage="embed"} 1')
    expect(text).toContain('ragscale_gateway_circuit_open{stage="generate"} 0')
  })
})
