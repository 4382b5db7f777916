import type { ServerResponse } from 'node:http'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import * as z from 'zod'
import { drainOf } from '../drain.ts'
import { optionalSecret } from '../secrets.ts'
import { openCaches } from './cache.ts'
import type { Caches } from './cache.ts'
import type { GatewayConfig } from './config.ts'
import { createMetrics } from './metrics.ts'
import type { GatewayMetrics } from './metrics.ts'
import { answerQuery, statusOf } from './query.ts'
import type { Query, QueryEvent, QueryParts, Timings } from './query.ts'
import { qdrantRetriever } from './retrieve.ts'
import { UpstreamError, upstreamPolicy } from './upstream.ts'
import type { UpstreamPolicy, UpstreamStage } from './upstream.ts'

const bodySchema = z.object({
  query: z.string().trim().min(1).max(32_000),
  topK: z.int().min(1).max(100).optional(),
  maxTokens: z.int().min(1).max(32_000).optional(),
  stream: z.boolean().optional(),
})

export interface Gateway {
  readonly app: FastifyInstance
  /** Readiness goes first, then the listener, then what is in flight within `graceMs`. */
  close(graceMs: number): Promise<void>
}

export async function createGateway(config: GatewayConfig, env: NodeJS.ProcessEnv): Promise<Gateway> {
  const metrics = createMetrics()
  const caches = await openCaches(config.cache, optionalSecret(config.redisUrlEnv, env), (name) =>
    metrics.cacheFailed(name),
  )
  const parts = partsOf(config, caches)
  const app = Fastify({ logger: false, bodyLimit: 1 << 20, forceCloseConnections: 'idle' })
  let inFlight = 0

  // An open circuit is not "unready": taking every replica out because one upstream fails helps nobody.
  const drain = drainOf(app, config.drain, () => ({
    inFlight,
    circuits: Object.fromEntries(
      Object.entries(parts.policies).map(([stage, policy]) => [stage, policy.circuit()]),
    ),
  }))
  app.get('/metrics', async (_request, reply) => {
    for (const [stage, policy] of Object.entries(parts.policies)) metrics.circuit(stage, policy.circuit())
    return await reply.type('text/plain; version=0.0.4').send(await metrics.text())
  })

  app.post('/query', async (request, reply) => {
    const body = bodySchema.safeParse(request.body)
    if (!body.success)
      return await reply.code(400).send(errorBody('bad_request', z.prettifyError(body.error)))
    if (inFlight >= config.maxInFlight) {
      return await reply
        .code(429)
        .header('retry-after', '1')
        .send(errorBody('full', `${config.maxInFlight} queries are being answered already`))
    }
    const query: Query = {
      query: body.data.query,
      topK: body.data.topK ?? config.topK,
      maxTokens: body.data.maxTokens ?? config.generate.maxTokens,
    }
    const streaming = body.data.stream ?? (request.headers.accept ?? '').includes('text/event-stream')
    const since = parts.now()
    const caller = new AbortController()
    reply.raw.once('close', () => caller.abort())
    const signal = AbortSignal.any([caller.signal, AbortSignal.timeout(config.timeouts.queryMs)])
    inFlight++
    metrics.started()
    let status = 200
    try {
      const events = measured(answerQuery(parts, query, signal), metrics, parts.now, since)
      if (!streaming) return await sendJson(events, reply)
      await sendEvents(events, reply)
      return reply
    } catch (error) {
      status = caller.signal.aborted ? 499 : signal.aborted ? 504 : statusOf(error)
      metrics.failed(error instanceof UpstreamError ? error.stage : 'gateway')
      return await sendError(error, status, reply)
    } finally {
      inFlight--
      metrics.ended(status, parts.now() - since)
    }
  })

  return {
    app,
    close: async (graceMs) => {
      await drain.end(graceMs)
      await caches.close()
    },
  }
}

function partsOf(config: GatewayConfig, caches: Caches): QueryParts {
  const { timeouts } = config
  const policies: Record<UpstreamStage, UpstreamPolicy> = {
    embed: upstreamPolicy('embed', { timeoutMs: timeouts.embedMs }),
    retrieve: upstreamPolicy('retrieve', { timeoutMs: timeouts.retrieveMs }),
    rerank: upstreamPolicy('rerank', { timeoutMs: timeouts.rerankMs }),
    generate: upstreamPolicy('generate', { timeoutMs: timeouts.generateIdleMs }),
  }
  return {
    config,
    caches,
    policies,
    retrieve: qdrantRetriever(config.vector, timeouts.retrieveMs),
    now: () => performance.now(),
  }
}

async function* measured(
  events: AsyncIterable<QueryEvent>,
  metrics: GatewayMetrics,
  now: () => number,
  since: number,
): AsyncGenerator<QueryEvent> {
  let tokens = 0
  for await (const event of events) {
    if (event.type === 'token' && tokens++ === 0) metrics.firstToken(now() - since)
    if (event.type === 'done') metrics.finished(event.timings, event.cache)
    yield event
  }
}

async function sendJson(events: AsyncIterable<QueryEvent>, reply: FastifyReply): Promise<FastifyReply> {
  for await (const event of events) {
    if (event.type !== 'done') continue
    const { type: _, ...answer } = event
    return await reply.header('server-timing', serverTiming(event.timings)).send(answer)
  }
  throw new Error('a query ended without its last event')
}

/** Server-sent events. Headers go out with the first event, so what fails before it is an HTTP error. */
async function sendEvents(events: AsyncIterable<QueryEvent>, reply: FastifyReply): Promise<void> {
  const out = reply.raw
  for await (const event of events) {
    if (!out.headersSent) {
      reply.hijack()
      out.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache',
        // nginx would otherwise collect the tokens before it passes them on.
        'x-accel-buffering': 'no',
        ...(event.type === 'sources' ? { 'server-timing': serverTiming(event.timings) } : {}),
      })
    }
    await write(out, event)
  }
  out.end()
}

/** Writes one event, and waits while the caller reads more slowly than tokens come. */
async function write(out: ServerResponse, event: QueryEvent): Promise<void> {
  const { type, ...data } = event
  if (out.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)) return
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      out.off('drain', settle)
      out.off('close', settle)
      resolve()
    }
    out.once('drain', settle)
    out.once('close', settle)
  })
}

async function sendError(error: unknown, status: number, reply: FastifyReply): Promise<FastifyReply> {
  const message = error instanceof Error ? error.message : String(error)
  const body = errorBody(error instanceof UpstreamError ? `upstream_${error.stage}` : 'internal', message)
  if (reply.raw.headersSent) {
    reply.raw.end(`event: error\ndata: ${JSON.stringify(body)}\n\n`)
    return reply
  }
  if (error instanceof UpstreamError && error.isBackpressure) {
    void reply.header('retry-after', String(Math.ceil((error.retryAfterMs ?? 1_000) / 1_000)))
  }
  return await reply.code(status).send(body)
}

function errorBody(code: string, message: string): { error: { code: string; message: string } } {
  return { error: { code, message } }
}

function serverTiming(timings: Timings): string {
  return Object.entries(timings)
    .map(([stage, ms]) => `${stage};dur=${ms.toFixed(2)}`)
    .join(', ')
}
