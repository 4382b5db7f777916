/** What holds for every route: its body, the limit of requests at once, the time limit, metrics and the trace. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { UpstreamError } from './upstream.ts'
import type { Tracing } from '../tracing.ts'
import type { GatewayMetrics, Route } from './metrics.ts'
import { statusOf } from './query.ts'
import { errorBody, sendError } from './reply.ts'
import { visitOf } from './visit.ts'
import type { GatewayParts, Visit } from './visit.ts'

export interface Admission {
  readonly inFlight: number
  /** Serves one request, or answers why not: 400, 429, or what `run` failed with. */
  admit<Schema extends z.ZodType>(
    route: Route,
    schema: Schema,
    exchange: { readonly request: FastifyRequest; readonly reply: FastifyReply },
    run: (body: z.output<Schema>, visit: Visit) => Promise<FastifyReply>,
  ): Promise<FastifyReply>
}

export function createAdmission(parts: GatewayParts, metrics: GatewayMetrics, tracing: Tracing): Admission {
  const { maxInFlight, timeouts } = parts.config
  let inFlight = 0
  return {
    get inFlight() {
      return inFlight
    },
    admit: async (route, schema, { request, reply }, run) => {
      const body = schema.safeParse(request.body)
      if (!body.success) {
        metrics.refused(route, 400)
        return await reply.code(400).send(errorBody('bad_request', z.prettifyError(body.error)))
      }
      if (inFlight >= maxInFlight) {
        metrics.refused(route, 429)
        return await reply
          .code(429)
          .header('retry-after', '1')
          .send(errorBody('full', `${maxInFlight} queries are being answered already`))
      }
      const since = parts.now()
      const caller = new AbortController()
      reply.raw.once('close', () => caller.abort())
      const signal = AbortSignal.any([caller.signal, AbortSignal.timeout(timeouts.queryMs)])
      const span = tracing.start(`POST /${route}`, request.headers, {
        'http.request.method': 'POST',
        'http.route': `/${route}`,
      })
      inFlight++
      metrics.started(route)
      let status = 200
      let failure: unknown
      try {
        return await run(body.data, visitOf(parts, span, signal))
      } catch (error) {
        failure = error
        status = caller.signal.aborted ? 499 : signal.aborted ? 504 : statusOf(error)
        metrics.failed(error instanceof UpstreamError ? error.stage : 'gateway')
        return await sendError(error, status, reply)
      } finally {
        inFlight--
        metrics.ended(route, status, parts.now() - since)
        span.set({ 'http.response.status_code': status })
        span.end(failure)
      }
    },
  }
}
