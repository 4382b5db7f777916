import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startVllm } from '../../../../../src/services/emulators/vllm/server.ts'
import type { RunningService } from '../../../../../src/services/process.ts'

const quick = {
  model: 'continuous',
  stepMs: 0.5,
  msPerSequence: 0.01,
  prefillMs: 0.5,
  msPerPrefillToken: 0.001,
  maxSequences: 16,
  maxBatchedTokens: 2048,
  kvTokens: 20_000,
  cv: 0.05,
}
const started: RunningService[] = []

async function vllm(
  over: Record<string, unknown> = {},
): Promise<{ url: string; client: OpenAI; service: RunningService }> {
  const service = await startVllm({ component: 'vllm', model: 'some/model', emulation: quick, ...over })
  started.push(service)
  const url = `http://127.0.0.1:${service.port}`
  return { url, service, client: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 }) }
}
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.close(0)))
})

const messages = [
  { role: 'system' as const, content: 'Answer from the context.' },
  {
    role: 'user' as const,
    content:
      'vLLM listens on port 8000. Qdrant listens on port 6333.\n\nQuestion: On which port does Qdrant listen?',
  },
]
const metric = async (url: string, name: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name}\\{[^}]*\\} (.*)$`, 'm').exec(text)?.[1])
}

describe('an emulated vLLM, to OpenAI’s own client', () => {
  it('answers a chat from its context', async () => {
    const { client } = await vllm()
    const answer = await client.chat.completions.create({ model: 'some/model', messages })
    expect(answer.object).toBe('chat.completion')
    expect(answer.choices).toHaveLength(1)
    expect(answer.choices[0]).toMatchObject({
      index: 0,
      finish_reason: 'stop',
      message: { role: 'assistant' },
    })
    expect(answer.choices[0]!.message.content).toMatch(/^Qdrant listens on port 6333\./)
    expect(answer.usage!.total_tokens).toBe(answer.usage!.prompt_tokens + answer.usage!.completion_tokens)
  })

  it('streams a token a chunk, after a role and before the usage that was asked for', async () => {
    const { client } = await vllm()
    const stream = await client.chat.completions.create({
      model: 'some/model',
      messages,
      max_tokens: 12,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks[0]!.choices[0]!.delta).toEqual({ role: 'assistant', content: '' })
    const tokens = chunks.slice(1, -1)
    expect(tokens).toHaveLength(12)
    for (const { choices } of tokens) expect(choices[0]!.delta.content).not.toBe('')
    expect(tokens.map(({ choices }) => choices[0]!.finish_reason)).toEqual([
      ...Array.from({ length: 11 }, () => null),
      'length',
    ])
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { completion_tokens: 12, prompt_tokens_details: { cached_tokens: 0 } },
    })
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    const whole = await client.chat.completions.create({
      model: 'some/model',
      messages,
      max_completion_tokens: 12,
    })
    expect(whole.choices[0]!.message.content).toBe(
      tokens.map(({ choices }) => choices[0]!.delta.content).join(''),
    )
  })

  it('finds a prompt that it has read before in its prefix cache', async () => {
    const { client, url } = await vllm()
    const long = [
      { role: 'user' as const, content: `${'A sentence of some length. '.repeat(40)}\nQuestion: how long?` },
    ]
    const cached = async () =>
      (await client.chat.completions.create({ model: 'some/model', messages: long, max_tokens: 2 })).usage!
        .prompt_tokens_details?.cached_tokens
    expect(await cached()).toBe(0)
    expect(await cached()).toBeGreaterThan(150)
    expect(await metric(url, 'vllm:prefix_cache_hits_total')).toBeGreaterThan(150)
  })

  it('completes a prompt, and stops where it is told to', async () => {
    const { client } = await vllm()
    const prompt = 'Qdrant listens on port 6333.\nQuestion: port of Qdrant?'
    const answer = await client.completions.create({
      model: 'some/model',
      prompt,
      max_tokens: 30,
      stop: [' port'],
    })
    expect(answer.choices[0]).toMatchObject({ text: 'Qdrant listens on', finish_reason: 'stop' })
    let streamed = ''
    for await (const chunk of await client.completions.create({
      model: 'some/model',
      prompt,
      max_tokens: 3,
      stream: true,
    }))
      streamed += chunk.choices[0]!.text
    expect(streamed).toBe('Qdrant listens')
  })

  it('lists its model', async () => {
    const { client } = await vllm({ maxModelLength: 4096 })
    const [model] = (await client.models.list()).data
    expect(model).toMatchObject({ id: 'some/model', owned_by: 'vllm', max_model_len: 4096 })
  })

  it.each([
    ['an unknown model', { model: 'another' }, 404, /does not exist/],
    ['more tokens than its context', { max_tokens: 50_000 }, 400, /maximum context length is 8192 tokens/],
    ['several choices', { n: 2 }, 400, /n must be 1/],
    [
      'a shape that it cannot keep to',
      { response_format: { type: 'json_object' as const } },
      400,
      /plain text/,
    ],
  ])('refuses %s', async (_, over, status, message) => {
    const { client } = await vllm()
    const asked = client.chat.completions.create({ model: 'some/model', messages, ...over })
    await expect(asked).rejects.toMatchObject({ status, message: expect.stringMatching(message) as string })
  })

  it('frees the sequence of a client that goes away', async () => {
    const { client, url } = await vllm({ emulation: { ...quick, stepMs: 20 } })
    const stream = await client.chat.completions.create({
      model: 'some/model',
      messages,
      max_tokens: 5000,
      stream: true,
    })
    for await (const chunk of stream) if (chunk.choices[0]!.delta.content !== '') break
    await vi.waitFor(async () => expect(await metric(url, 'vllm:num_requests_running')).toBe(0), {
      timeout: 5000,
    })
    expect(await metric(url, 'vllm:kv_cache_usage_perc')).toBe(0)
    const text = await (await fetch(`${url}/metrics`)).text()
    expect(text).toMatch(/vllm:request_success_total\{finished_reason="abort",[^}]*\} 1\n/)
  })
})

describe('an emulated vLLM', () => {
  it('writes server-sent events that end with [DONE]', async () => {
    const { url } = await vllm()
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({
        messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
        max_tokens: 2,
        stream: true,
      }),
    })
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const events = (await response.text()).trimEnd().split('\n\n')
    expect(events).toHaveLength(4)
    for (const event of events) expect(event.startsWith('data: ')).toBe(true)
    expect(events.at(-1)).toBe('data: [DONE]')
  })

  it.each([
    ['{"messages": ', /not JSON/],
    ['{"messages": []}', /messages/],
    ['{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}', /reads text/],
    [
      '{"messages": [{"role": "user", "content": "a"}], "stream_options": {"include_usage": true}}',
      /stream=True/,
    ],
    ['{"messages": [{"role": "user", "content": "a"}], "max_tokens": 0}', /max_tokens/],
  ])('refuses %s as OpenAI’s API does', async (body, message) => {
    const { url } = await vllm()
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body })
    expect(response.status).toBe(400)
    const { error } = (await response.json()) as { error: { message: string; type: string; code: number } }
    expect(error).toMatchObject({ type: 'BadRequestError', code: 400 })
    expect(error.message).toMatch(message)
  })

  it('tells of itself', async () => {
    const { url, client, service } = await vllm()
    await client.chat.completions.create({ model: 'some/model', messages, max_tokens: 8 })
    expect((await fetch(`${url}/health`)).status).toBe(200)
    expect(await (await fetch(`${url}/version`)).json()).toEqual({ version: expect.any(String) })
    const text = await (await fetch(`${url}/metrics`)).text()
    const labels = '{model_name="some/model",engine="0"}'
    for (const line of [
      `vllm:num_requests_running${labels} 0`,
      `vllm:num_requests_waiting${labels} 0`,
      `vllm:num_preemptions_total${labels} 0`,
      `vllm:generation_tokens_total${labels} 8`,
      `vllm:time_to_first_token_seconds_count${labels} 1`,
      `vllm:inter_token_latency_seconds_count${labels} 7`,
      `vllm:request_queue_time_seconds_count${labels} 1`,
      `vllm:request_prefill_time_seconds_count${labels} 1`,
      `vllm:request_decode_time_seconds_count${labels} 1`,
    ])
      expect(text).toContain(`${line}\n`)
    expect(service.sample!()).toEqual({
      queue: 0,
      overrunMs: expect.any(Number),
      emulated: { answers: expect.any(Number), late: expect.any(Object) },
    })
  })

  it('logs what it drew and when it wrote each token', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vllm-'))
    const logFile = join(folder, 'drawn.ndjson')
    const { client, service } = await vllm({ logFile, logTokens: true })
    for await (const _ of await client.chat.completions.create({
      model: 'some/model',
      messages,
      max_tokens: 5,
      stream: true,
    }));
    await service.close(1000)
    const line = JSON.parse(await readFile(logFile, 'utf8')) as Record<string, number> & {
      writtenMs: number[]
    }
    expect(line).toMatchObject({ id: 1, outputTokens: 5, cachedTokens: 0 })
    expect(line.writtenMs).toHaveLength(5)
    expect(line.writtenMs[0]).toBeGreaterThanOrEqual(line['firstTokenMs']!)
    expect(line['startMs']).toBeGreaterThanOrEqual(line['arrivalMs']!)
    await rm(folder, { recursive: true })
  })

  it('can be emulated by a plain queue whose service is spread over the tokens', async () => {
    const fifo = { model: 'fifo', law: { kind: 'fixed', meanMs: 4 }, servers: 2, queueLimit: null }
    const { client } = await vllm({ emulation: fifo })
    const answer = await client.chat.completions.create({ model: 'some/model', messages, max_tokens: 4 })
    expect(answer.usage!.completion_tokens).toBe(4)
  })

  it('says what is wrong with its configuration', async () => {
    await expect(vllm({ maxModelLength: 30_000 })).rejects.toThrow(/KV cache/)
    await expect(vllm({ emulation: { model: 'batching' } })).rejects.toThrow()
  })
})
