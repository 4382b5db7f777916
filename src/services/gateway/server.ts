import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { drainOf } from '../drain.ts'
import { redisUrl } from '../redis.ts'
import type { Environment } from '../secrets.ts'
import { openTracing } from '../tracing.ts'
import { createAdmission } from './admission.ts'
import { generateBody, messagesOf, queryBody, retrieveBody } from './bodies.ts'
import { openCaches } from './cache.ts'
import type { Caches } from './cache.ts'
import type { GatewayConfig } from './config.ts'
import { find } from './find.ts'
import { createMetrics, measured } from './metrics.ts'
import { answerMessages, answerQuery } from './query.ts'
import { sendEvents, sendJson, serverTiming } from './reply.ts'
import { upstreamPolicy } from './upstream.ts'
import { openUpstreams } from './upstreams.ts'
import type { GatewayParts } from './visit.ts'

export interface Gateway {
  readonly app: FastifyInstance
  /** Readiness goes first, then the listener, then what is in flight within `graceMs`. */
  close(graceMs: number): Promise<void>
}

/**
 * `POST /query`: the whole pipeline; `POST /retrieve` and `POST /generate`: the part before its model and the model's,
 * for callers that put something of their own between, and for pools that are scaled apart.
 */
export async function createGateway(config: GatewayConfig, env: Environment): Promise<Gateway> {
  const metrics = createMetrics(config)
  const tracing = await openTracing('ragscale-gateway', env)
  const caches = await openCaches(
    config.cache,
    redisUrl({ urlEnv: config.redisUrlEnv, passwordEnv: config.redisPasswordEnv }, env),
    (name) => metrics.cacheFailed(name),
  )
  const parts = partsOf(config, caches, env)
  const app = Fastify({ logger: false, bodyLimit: 1 << 20, forceCloseConnections: 'idle' })
  const admission = createAdmission(parts, metrics, tracing)
  // An open circuit is not "unready": taking every replica out because one upstream fails helps nobody.
  const drain = drainOf(app, config.drain, () => ({
    inFlight: admission.inFlight,
    circuits: Object.fromEntries(
      Object.entries(parts.policies).map(([stage, policy]) => [stage, policy.circuit()]),
    ),
  }))
  app.get('/metrics', async (_request, reply) => {
    for (const [stage, policy] of Object.entries(parts.policies)) metrics.circuit(stage, policy.circuit())
    return await reply.type('text/plain; version=0.0.4').send(await metrics.text())
  })

  app.post('/query', (request, reply) =>
    admission.admit('query', queryBody, { request, reply }, async (body, visit) => {
      const query = {
        query: body.query,
        topK: body.topK ?? config.topK,
        maxTokens: body.maxTokens ?? config.generate.maxTokens,
      }
      const events = measured('query', answerQuery(parts, query, visit), metrics, parts.now)
      return await (wantsEvents(body, request) ? sendEvents : sendJson)(events, reply)
    }),
  )

  app.post('/retrieve', (request, reply) =>
    admission.admit('retrieve', retrieveBody, { request, reply }, async (body, visit) => {
      const found = await find(parts, { query: body.query, topK: body.topK ?? config.topK }, visit)
      metrics.finished(found.timings, found.cache)
      return await reply.header('server-timing', serverTiming(found.timings)).send(found)
    }),
  )

  app.post('/generate', (request, reply) =>
    admission.admit('generate', generateBody, { request, reply }, async (body, visit) => {
      const maxTokens = body.maxTokens ?? config.generate.maxTokens
      const answer = answerMessages(parts, messagesOf(body), maxTokens, visit)
      const events = measured('generate', answer, metrics, parts.now)
      return await (wantsEvents(body, request) ? sendEvents : sendJson)(events, reply)
    }),
  )

  return {
    app,
    close: async (graceMs) => {
      await drain.end(graceMs)
      await caches.close()
      await tracing.close()
    },
  }
}

function wantsEvents({ stream }: { stream?: boolean | undefined }, { headers }: FastifyRequest): boolean {
  return stream ?? (headers.accept ?? '').includes('text/event-stream')
}

function partsOf(config: GatewayConfig, caches: Caches, env: Environment): GatewayParts {
  const { timeouts } = config
  return {
    config,
    caches,
    upstreams: openUpstreams(config, env),
    policies: {
      embed: upstreamPolicy('embed', { timeoutMs: timeouts.embedMs }),
      retrieve: upstreamPolicy('retrieve', { timeoutMs: timeouts.retrieveMs }),
      rerank: upstreamPolicy('rerank', { timeoutMs: timeouts.rerankMs }),
      generate: upstreamPolicy('generate', {
        timeoutMs: timeouts.generateIdleMs,
        patience: { waitMs: config.generate.patienceMs },
      }),
    },
    now: () => performance.now(),
  }
}
