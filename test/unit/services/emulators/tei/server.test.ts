import OpenAI from 'openai'
import { afterEach, describe, expect, it } from 'vitest'
import { startTei } from '../../../../../src/services/emulators/tei/server.ts'
import type { RunningService } from '../../../../../src/services/process.ts'

const quick = {
  model: 'batching',
  overheadMs: 0.2,
  msPerToken: 0.001,
  maxBatchTokens: 16_384,
  maxConcurrent: 512,
  cv: 0.1,
}
const started: RunningService[] = []

async function tei(over: Record<string, unknown> = {}): Promise<string> {
  const service = await startTei({
    component: 'tei',
    model: 'BAAI/bge-base-en-v1.5',
    dimensions: 64,
    emulation: quick,
    ...over,
  })
  started.push(service)
  return `http://127.0.0.1:${service.port}`
}
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.close(0)))
})

function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<Response> {
  return fetch(url, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) })
}
async function json<T>(response: Response | Promise<Response>): Promise<T> {
  return (await (await response).json()) as T
}
const dot = (a: number[], b: number[]) => a.reduce((sum, value, index) => sum + value * b[index]!, 0)

describe('an emulated TEI', () => {
  it('embeds one text or several, and says what it cost', async () => {
    const url = await tei()
    const response = await post(`${url}/embed`, { inputs: 'How many shards?' })
    const [vector] = await json<number[][]>(response)
    expect(vector).toHaveLength(64)
    expect(dot(vector!, vector!)).toBeCloseTo(1, 4)
    expect(response.headers.get('x-compute-tokens')).toBe('6')
    const several = await json<number[][]>(
      post(`${url}/embed`, { inputs: ['How many shards?', 'Another text'] }),
    )
    expect(several).toHaveLength(2)
    expect(several[0]).toEqual(vector)
  })

  it('shortens vectors on request, and leaves them as long as they are on request', async () => {
    const url = await tei()
    const [short] = await json<number[][]>(post(`${url}/embed`, { inputs: 'a text', dimensions: 16 }))
    expect(short).toHaveLength(16)
    expect(dot(short!, short!)).toBeCloseTo(1, 4)
    const [raw] = await json<number[][]>(
      post(`${url}/embed`, { inputs: 'a text with several words', normalize: false }),
    )
    expect(dot(raw!, raw!)).toBeGreaterThan(1.5)
    expect(await json(post(`${url}/embed`, { inputs: 'a', dimensions: 65 }))).toMatchObject({
      error_type: 'Validation',
    })
  })

  it('truncates what is too long, and refuses it when told not to', async () => {
    const url = await tei({ maxInputTokens: 10 })
    const text = 'one two three four five six seven eight nine ten eleven'
    const [cut] = await json<number[][]>(post(`${url}/embed`, { inputs: text }))
    const [same] = await json<number[][]>(
      post(`${url}/embed`, { inputs: 'one two three four five six seven eight' }),
    )
    expect(cut).toEqual(same)
    const refused = await post(`${url}/embed`, { inputs: text, truncate: false })
    expect(refused.status).toBe(413)
    expect(await refused.json()).toEqual({
      error: '`inputs` must have less than 10 tokens. Given: 13',
      error_type: 'Validation',
    })
  })

  it.each([
    ['a batch without inputs', { inputs: [] }, 400, 'Batch is empty', 'Empty'],
    ['an input without text', { inputs: '' }, 400, '`inputs` cannot be empty', 'Empty'],
    [
      'too many inputs',
      { inputs: ['a', 'b', 'c', 'd', 'e'] },
      413,
      'batch size 5 > maximum allowed batch size 4',
      'Validation',
    ],
  ])('refuses %s', async (_, body, status, error, type) => {
    const response = await post(`${await tei({ maxClientBatch: 4 })}/embed`, body)
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ error, error_type: type })
  })

  it('refuses what is not its request, in plain text', async () => {
    const url = await tei()
    const wrong = await post(`${url}/embed`, { input: 'misspelt' })
    expect([wrong.status, await wrong.text()]).toEqual([422, expect.stringContaining('inputs')])
    expect((await post(`${url}/embed`, '{"inputs": ')).status).toBe(400)
    expect((await post(`${url}/embed`, '{"inputs": "a"}', { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await post(`${url}/nowhere`, {})).status).toBe(404)
    expect((await fetch(`${url}/embed`)).status).toBe(405)
    const large = await post(`${await tei({ maxBodyBytes: 100 })}/embed`, { inputs: 'a'.repeat(200) })
    expect(large.status).toBe(413)
  })

  it('refuses a single input with 429 when it is full, and lets a batch wait', async () => {
    const url = await tei({ emulation: { ...quick, overheadMs: 150, maxConcurrent: 2 } })
    const batch = post(`${url}/embed`, { inputs: ['a', 'b', 'c', 'd'] })
    await fetch(`${url}/health`)
    const refused = await post(`${url}/embed`, { inputs: 'one more' })
    expect(refused.status).toBe(429)
    expect(await refused.json()).toEqual({ error: 'Model is overloaded', error_type: 'Overloaded' })
    expect((await batch).status).toBe(200)
  })

  it('reranks with a reranker only', async () => {
    const body = {
      query: 'port of qdrant',
      texts: ['Cats sleep.', 'Qdrant listens on port 6333.'],
      return_text: true,
    }
    const refused = await post(`${await tei()}/rerank`, body)
    expect(refused.status).toBe(424)
    expect(await refused.json()).toEqual({ error: 'model is not a re-ranker model', error_type: 'Backend' })
    const url = await tei({ model: 'BAAI/bge-reranker-base' })
    const ranks = await json<{ index: number; score: number; text: string }[]>(post(`${url}/rerank`, body))
    expect(ranks.map(({ index }) => index)).toEqual([1, 0])
    expect(ranks[0]!.text).toBe('Qdrant listens on port 6333.')
    expect(ranks[0]!.score).toBeGreaterThan(ranks[1]!.score)
    for (const { score } of ranks) expect(score > 0 && score < 1).toBe(true)
    const raw = await json<{ score: number }[]>(post(`${url}/rerank`, { ...body, raw_scores: true }))
    expect(raw[1]!.score).toBeLessThan(0)
    expect((await post(`${url}/embed`, { inputs: 'a' })).status).toBe(424)
    expect((await post(`${url}/rerank`, { query: 'a', texts: [] })).status).toBe(413)
  })

  it('compares and tokenizes', async () => {
    const url = await tei()
    const inputs = {
      source_sentence: 'the shards of a node',
      sentences: ['shards of the node', 'bread and butter'],
    }
    const [close, far] = await json<number[]>(post(`${url}/similarity`, { inputs }))
    expect(close!).toBeGreaterThan(far! + 0.3)
    const [tokens] = await json<Record<string, unknown>[][]>(
      post(`${url}/tokenize`, { inputs: 'Hello, shards' }),
    )
    expect(tokens!.map(({ text, start, stop, special }) => [text, start, stop, special])).toEqual([
      ['[CLS]', null, null, true],
      ['Hello', 0, 5, false],
      [',', 5, 6, false],
      ['shards', 7, 13, false],
      ['[SEP]', null, null, true],
    ])
    const [bare] = await json<unknown[][]>(
      post(`${url}/tokenize`, { inputs: ['Hello'], add_special_tokens: false }),
    )
    expect(bare).toHaveLength(1)
  })

  it('tells of itself', async () => {
    const url = await tei()
    expect(await json(fetch(`${url}/info`))).toMatchObject({
      model_id: 'BAAI/bge-base-en-v1.5',
      model_type: { embedding: { pooling: 'cls' } },
      max_client_batch_size: 32,
      max_concurrent_requests: 512,
    })
    expect((await fetch(`${url}/health`)).status).toBe(200)
    await post(`${url}/embed`, { inputs: 'a' })
    await post(`${url}/embed`, { inputs: [] })
    const metrics = await (await fetch(`${url}/metrics`)).text()
    for (const line of [
      'te_request_count{method="single"} 1',
      'te_request_success{method="single"} 1',
      'te_request_failure{err="empty"} 1',
      'te_request_duration_count 1',
      'te_request_queue_duration_count 1',
      'te_request_inference_duration_count 1',
      'te_batch_next_size_count 1',
      'te_batch_next_tokens_sum 3',
      'te_queue_size 0',
    ])
      expect(metrics).toContain(`${line}\n`)
    expect(metrics).toContain('ragscale_emulator_overrun_seconds{quantile="0.99"}')
    expect(await json(fetch(`${url}/__ragscale/emulator`))).toEqual({
      emulated: true,
      overrunP99Ms: expect.any(Number),
      drawn: 1,
    })
  })

  it('answers OpenAI’s own client, in floats and in base64', async () => {
    const url = await tei()
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 })
    const answer = await client.embeddings.create({ model: 'any', input: ['first text', 'second text'] })
    expect(answer.data.map(({ index, embedding }) => [index, embedding.length])).toEqual([
      [0, 64],
      [1, 64],
    ])
    expect(answer.usage).toEqual({ prompt_tokens: 8, total_tokens: 8 })
    const floats = await client.embeddings.create({
      model: 'any',
      input: 'first text',
      encoding_format: 'float',
    })
    floats.data[0]!.embedding.forEach((value, index) =>
      expect(value).toBeCloseTo(answer.data[0]!.embedding[index]!, 6),
    )
    await expect(client.embeddings.create({ model: 'any', input: [] })).rejects.toMatchObject({ status: 400 })
  })

  it('can be emulated by a plain queue, and by nothing else that has other words', async () => {
    const law = { kind: 'fixed', meanMs: 1 }
    const url = await tei({ emulation: { model: 'fifo', law, servers: 1, queueLimit: null } })
    expect((await post(`${url}/embed`, { inputs: ['a', 'b'] })).status).toBe(200)
    const search = { model: 'search', servers: 1, baseMs: 1, msPerMillionPoints: 1, fanoutMs: 0, cv: 0 }
    await expect(tei({ emulation: search })).rejects.toThrow(/cannot be emulated as 'search'/)
    await expect(tei({ dimensions: -1 })).rejects.toThrow(/dimensions/)
  })

  it('says which port is in use', async () => {
    const url = await tei()
    await expect(tei({ port: Number(new URL(url).port) })).rejects.toThrow(
      /port \d+ on 127\.0\.0\.1 is in use/,
    )
  })
})
