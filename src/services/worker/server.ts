import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import * as z from 'zod'
import { messageOf } from '../../errors.ts'
import type { Embedder } from '../../ingest/embedder.ts'
import { ingestDocument } from '../../ingest/ingest-document.ts'
import type { VectorStore } from '../../ingest/store.ts'
import type { DrainConfig } from '../config.ts'
import { drainOf } from '../drain.ts'

const bodySchema = z.object({
  source: z.string().min(1).max(1_000),
  text: z.string().min(1).max(5_000_000),
  root: z.string().default('documents'),
})

export interface Worker {
  readonly app: FastifyInstance
  close(graceMs: number): Promise<void>
}

/** `POST /documents` { source, text } → chunks, embeddings, points; answered when they are stored. */
export function createWorker(parts: {
  embed: Embedder
  store: VectorStore
  maxInFlight: number
  drain: Pick<DrainConfig, 'noticeMs'>
}): Worker {
  const registry = new Registry()
  const registers = [registry]
  const documents = new Counter({
    name: 'ragscale_worker_documents_total',
    help: 'Documents by result.',
    labelNames: ['result'],
    registers,
  })
  const chunks = new Counter({ name: 'ragscale_worker_chunks_total', help: 'Chunks stored.', registers })
  const working = new Gauge({
    name: 'ragscale_worker_in_flight',
    help: 'Documents being written.',
    registers,
  })
  const duration = new Histogram({
    name: 'ragscale_worker_document_duration_seconds',
    help: 'From a document to its chunks stored.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const app = Fastify({ logger: false, bodyLimit: 8 << 20, forceCloseConnections: 'idle' })
  const stopping = new AbortController()
  let inFlight = 0
  const drain = drainOf(app, parts.drain, () => ({ inFlight }))

  app.get(
    '/metrics',
    async (_request, reply) => await reply.type('text/plain; version=0.0.4').send(await registry.metrics()),
  )
  app.post('/documents', async (request, reply) => {
    const body = bodySchema.safeParse(request.body)
    if (!body.success) {
      return await reply
        .code(400)
        .send({ error: { code: 'bad_request', message: z.prettifyError(body.error) } })
    }
    if (inFlight >= parts.maxInFlight) {
      const message = `${parts.maxInFlight} documents are being written already`
      return await reply
        .code(429)
        .header('retry-after', '1')
        .send({ error: { code: 'full', message } })
    }
    inFlight++
    working.inc()
    const endTimer = duration.startTimer()
    try {
      const stored = await ingestDocument(body.data, { ...parts, signal: stopping.signal })
      chunks.inc(stored)
      documents.inc({ result: 'stored' })
      return await reply.send({ source: body.data.source, chunks: stored })
    } catch (error) {
      documents.inc({ result: 'failed' })
      return await reply.code(502).send({ error: { code: 'upstream', message: messageOf(error) } })
    } finally {
      inFlight--
      working.dec()
      endTimer()
    }
  })
  return {
    app,
    close: (graceMs) => drain.end(graceMs, () => stopping.abort()),
  }
}
