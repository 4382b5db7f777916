import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import * as z from 'zod'
import { messageOf } from '../../errors.ts'
import type { Embedder } from '../../ingest/embedder.ts'
import { ingestDocument } from '../../ingest/ingest-document.ts'
import type { VectorStore } from '../../ingest/store.ts'
import type { DrainConfig } from '../config.ts'
import { drainOf } from '../drain.ts'
import type { GivenHeaders, Tracing } from '../tracing.ts'
import { passedOn } from '../tracing.ts'
import type { QueueConfig } from './config.ts'
import { startConsumer } from './consumer.ts'
import { QueueFull } from './document-queue.ts'
import type { DocumentQueue, NewDocument } from './document-queue.ts'
import { createMetrics } from './metrics.ts'

const bodySchema = z.object({
  source: z.string().min(1).max(1_000),
  text: z.string().min(1).max(5_000_000),
  root: z.string().default('documents'),
})

const querySchema = z.object({ wait: z.enum(['true', 'false']).optional() })

/** Dead letters that one request queues again. */
const revivedAtOnce = 1_000

export interface Worker {
  readonly app: FastifyInstance
  close(graceMs: number): Promise<void>
}

export interface WorkerParts {
  readonly embed: Embedder
  readonly store: VectorStore
  readonly maxInFlight: number
  readonly drain: Pick<DrainConfig, 'noticeMs'>
  /** Where documents wait; null: they are written while their senders wait. */
  readonly queue?: {
    readonly documents: DocumentQueue
    readonly config: QueueConfig
    readonly say: (line: string) => void
  } | null
  readonly tracing?: Tracing
}

/**
 * `POST /documents` { source, text }: with a queue answered 202 when the document is safe in it, and written when its
 * turn comes; without one, or with `?wait=true`, answered when its chunks are stored.
 * `POST /dead-letters/retry` queues again what was given up.
 */
export function createWorker(parts: WorkerParts): Worker {
  const queue = parts.queue ?? null
  const tracing = parts.tracing ?? passedOn
  const metrics = createMetrics(queue === null ? null : () => queue.documents.state())
  const app = Fastify({ logger: false, bodyLimit: 8 << 20, forceCloseConnections: 'idle' })
  const stopping = new AbortController()
  let inFlight = 0
  const drain = drainOf(app, parts.drain, () => ({ inFlight }))

  const write = async (document: NewDocument, signal: AbortSignal, given: GivenHeaders): Promise<number> => {
    const span = tracing.start('write document', given, { 'ragscale.source': document.source })
    const ended = metrics.started()
    try {
      const chunks = await ingestDocument(document, { ...parts, signal })
      ended('stored', chunks)
      span.set({ 'ragscale.chunks': chunks })
      span.end()
      return chunks
    } catch (error) {
      ended('failed', 0)
      span.end(error)
      throw error
    }
  }

  const consumer =
    queue === null
      ? null
      : startConsumer({
          queue: queue.documents,
          config: queue.config,
          write: async (document, signal) => void (await write(document, signal, {})),
          count: (what) => metrics[what](),
          say: queue.say,
        })

  /** Written at once, past the queue: what waits in it of the same document is older. */
  const writeNow = async (document: NewDocument, given: GivenHeaders): Promise<number> => {
    const { signal } = stopping
    if (queue === null) return await write(document, signal, given)
    await queue.documents.overtake(document)
    const chunks = await queue.documents.exclusively(document, { signal }, () =>
      write(document, signal, given),
    )
    return chunks ?? 0
  }

  app.get(
    '/metrics',
    async (_request, reply) => await reply.type('text/plain; version=0.0.4').send(await metrics.text()),
  )

  app.post('/documents', async (request, reply) => {
    const body = bodySchema.safeParse(request.body)
    const asked = querySchema.safeParse(request.query)
    if (!body.success) return await refuse(reply, 400, 'bad_request', z.prettifyError(body.error))
    if (!asked.success) return await refuse(reply, 400, 'bad_request', z.prettifyError(asked.error))
    const { source } = body.data
    if (queue !== null && asked.data.wait !== 'true') {
      try {
        const id = await queue.documents.add(body.data)
        return await reply.code(202).send({ source, id })
      } catch (error) {
        if (error instanceof QueueFull) return await refuse(reply, 429, 'full', messageOf(error))
        return await refuse(reply, 503, 'queue', `the queue took nothing: ${messageOf(error)}`)
      }
    }
    if (inFlight >= parts.maxInFlight)
      return await refuse(reply, 429, 'full', `${parts.maxInFlight} documents are being written already`)
    inFlight++
    try {
      return await reply.send({ source, chunks: await writeNow(body.data, request.headers) })
    } catch (error) {
      return await refuse(reply, 502, 'upstream', messageOf(error))
    } finally {
      inFlight--
    }
  })

  app.post('/dead-letters/retry', async (_request, reply) => {
    if (queue === null) return await refuse(reply, 404, 'no_queue', 'this worker has no queue')
    try {
      return await reply.send({ queued: await queue.documents.revive(revivedAtOnce) })
    } catch (error) {
      return await refuse(reply, 503, 'queue', messageOf(error))
    }
  })

  return {
    app,
    close: async (graceMs) => {
      await Promise.all([drain.end(graceMs, () => stopping.abort()), consumer?.stop(graceMs)])
      await queue?.documents.leave().catch(() => undefined)
      queue?.documents.close()
      await tracing.close()
    },
  }
}

async function refuse(
  reply: FastifyReply,
  status: number,
  code: string,
  message: string,
): Promise<FastifyReply> {
  if (status === 429 || status === 503) void reply.header('retry-after', '1')
  return await reply.code(status).send({ error: { code, message } })
}
