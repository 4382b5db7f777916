/** How an answer is written: as JSON, as server-sent events, or as an error. */
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { messageOf } from '../../errors.ts'
import type { AnswerEvent } from './query.ts'
import { UpstreamError } from './upstream.ts'
import type { Timings } from './visit.ts'

export async function sendJson(
  events: AsyncIterable<AnswerEvent>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  for await (const event of events) {
    if (event.type !== 'done') continue
    const { type: _, ...answer } = event
    return await reply.header('server-timing', serverTiming(event.timings)).send(answer)
  }
  throw new Error('a query ended without its last event')
}

/** Server-sent events. Headers go out with the first event, so what fails before it is an HTTP error. */
export async function sendEvents(
  events: AsyncIterable<AnswerEvent>,
  reply: FastifyReply,
): Promise<FastifyReply> {
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
  return reply
}

/** Writes one event, and waits while the caller reads more slowly than tokens come. */
async function write(out: ServerResponse, event: AnswerEvent): Promise<void> {
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

/** Once the stream has begun its status is out: the error is then its last event. */
export async function sendError(error: unknown, status: number, reply: FastifyReply): Promise<FastifyReply> {
  const body = errorBody(
    error instanceof UpstreamError ? `upstream_${error.stage}` : 'internal',
    messageOf(error),
  )
  if (reply.raw.headersSent) {
    reply.raw.end(`event: error\ndata: ${JSON.stringify(body)}\n\n`)
    return reply
  }
  if (error instanceof UpstreamError && error.isBackpressure) {
    void reply.header('retry-after', String(Math.ceil((error.retryAfterMs ?? 1_000) / 1_000)))
  }
  return await reply.code(status).send(body)
}

export function errorBody(code: string, message: string): { error: { code: string; message: string } } {
  return { error: { code, message } }
}

export function serverTiming(timings: Timings): string {
  return Object.entries(timings)
    .map(([stage, ms]) => `${stage};dur=${ms.toFixed(2)}`)
    .join(', ')
}
