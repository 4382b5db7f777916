/** What a collector is sent of a query, and what the gateway's upstreams are told of its trace. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { gatewayConfigSchema } from '../../../../src/services/gateway/config.ts'
import { createGateway } from '../../../../src/services/gateway/server.ts'
import type { Gateway } from '../../../../src/services/gateway/server.ts'
import { chatStreams, fakeUpstream, json, qdrantAnswers, teiAnswers } from './upstreams.ts'
import type { FakeUpstream } from './upstreams.ts'

/** As much of OTLP's JSON encoding as is looked at. */
interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly attributes: { key: string; value: Record<string, unknown> }[]
  readonly status: { code?: number }
  readonly events: { name: string }[]
}
interface Export {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue: string } }[] }
    scopeSpans: { spans: ReceivedSpan[] }[]
  }[]
}

const caller = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' }
const traceparent = `00-${caller.trace}-${caller.span}-01`

// OpenTelemetry is imported by the first of them, which on a busy machine takes a while.
vi.setConfig({ testTimeout: 30_000 })

let upstreams: { embed: FakeUpstream; vector: FakeUpstream; chat: FakeUpstream }
let collector: FakeUpstream
let received: Export[]
let gateway: Gateway | undefined
let told: Record<string, string | undefined>

beforeEach(async () => {
  received = []
  told = {}
  collector = await fakeUpstream((request, body, response) => {
    if (request.url === '/v1/traces') received.push(JSON.parse(body) as Export)
    json(response, {})
  })
  const noting =
    (name: string, answer: FakeUpstream['answer']): FakeUpstream['answer'] =>
    (request, body, response) => {
      told[name] = request.headers['traceparent'] as string | undefined
      answer(request, body, response)
    }
  upstreams = {
    embed: await fakeUpstream(noting('embed', teiAnswers)),
    vector: await fakeUpstream(qdrantAnswers),
    chat: await fakeUpstream(noting('generate', chatStreams(['One ', 'answer.']))),
  }
})

afterEach(async () => {
  await gateway?.close(100)
  gateway = undefined
  await Promise.all([collector, ...Object.values(upstreams)].map((upstream) => upstream.close()))
})

async function ask(env: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
  const config = gatewayConfigSchema.parse({
    embed: { url: upstreams.embed.url },
    vector: { url: upstreams.vector.url, collection: 'docs' },
    generate: { url: upstreams.chat.url, model: 'a-model' },
  })
  gateway = await createGateway(config, env)
  const url = await gateway.app.listen({ host: '127.0.0.1', port: 0 })
  return await fetch(`${url}/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: 'A very private question?' }),
  })
}

/** Closing sends what is left. */
async function spansOf(): Promise<ReceivedSpan[]> {
  await gateway?.close(100)
  return received.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
  )
}

test('a query is a span with one below it for each stage, in the trace of its caller', async () => {
  await ask({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, { traceparent })
  const spans = await spansOf()
  const whole = spans.find(({ name }) => name === 'POST /query')
  expect(whole?.parentSpanId).toBe(caller.span)
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([caller.trace]))
  const stages = spans.filter(({ parentSpanId }) => parentSpanId === whole?.spanId)
  expect(stages.map(({ name }) => name).sort()).toEqual(['embed', 'generate', 'retrieve'])
  expect(stages.find(({ name }) => name === 'generate')?.events.map(({ name }) => name)).toEqual([
    'first token',
  ])
  expect(whole?.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: 200 } })
})

test('what is called is told of the span that calls it', async () => {
  await ask({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, { traceparent })
  const spans = await spansOf()
  for (const stage of ['embed', 'generate'])
    expect(told[stage]).toBe(`00-${caller.trace}-${spans.find(({ name }) => name === stage)?.spanId}-01`)
})

test('the service is named, by default and by OTEL_SERVICE_NAME', async () => {
  await ask({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: 'front' })
  await spansOf()
  expect(received[0]?.resourceSpans[0]?.resource.attributes).toContainEqual({
    key: 'service.name',
    value: { stringValue: 'front' },
  })
})

test('a stage that failed is marked so, and so is the query', async () => {
  upstreams.embed.answer = (_request, _body, response) => json(response, { error: 'too long' }, 413)
  await ask({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
  const spans = await spansOf()
  expect(spans.map(({ name, status }) => [name, status.code])).toEqual([
    ['embed', 2],
    ['POST /query', 2],
  ])
})

test('no query’s text is in a trace', async () => {
  await ask({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
  await spansOf()
  expect(JSON.stringify(received)).not.toContain('private')
})

test('a trace that its caller does not sample is not sent, and stays so further on', async () => {
  await ask({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, { traceparent: traceparent.replace(/01$/, '00') })
  expect(await spansOf()).toEqual([])
  expect(told['embed']).toMatch(new RegExp(`^00-${caller.trace}-[0-9a-f]{16}-00$`))
})

test('without a collector the caller’s trace is passed on untouched', async () => {
  await ask({}, { traceparent })
  expect(told).toEqual({ embed: traceparent, generate: traceparent })
  expect(collector.calls).toBe(0)
})

test('a collector that is away costs traces and no query', async () => {
  const response = await ask({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })
  expect(response.status).toBe(200)
})

test('a sampler that is none is told at the start', async () => {
  await expect(
    ask({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: 'sometimes' }),
  ).rejects.toThrow('OTEL_TRACES_SAMPLER=sometimes')
})
