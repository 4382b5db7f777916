import { z } from 'zod'
import { Registry } from 'prom-client'
import type { RunningService } from '../../process.ts'
import { adminRoutes } from '../admin.ts'
import { parseConfig } from '../../config.ts'
import { replicaSchema } from '../config.ts'
import type { Work } from '../cores/core.ts'
import { FifoCore } from '../cores/fifo.ts'
import type { FifoDone } from '../cores/fifo.ts'
import { seededRandom } from '../cores/random.ts'
import { openDrawnLog } from '../drawn-log.ts'
import { Driver } from '../driver.ts'
import { listen, sendJson } from '../http.ts'
import type { Exchange } from '../http.ts'

const schema = replicaSchema.extend({ component: z.string().default('fifo') })

/**
 * A plain HTTP server of `c` servers and one queue, whose log is enough for Lindley's recursion: what holds
 * the measuring to theory. Any POST is answered `{"ok":true}` after its modelled time, or 429 when the queue
 * is full.
 */
export async function startFifo(given: unknown): Promise<RunningService> {
  const { host, port, emulation, seed, logFile } = parseConfig('fifo', schema, given)
  if (emulation.model !== 'fifo')
    throw new Error(`fifo cannot be emulated as '${emulation.model}': use 'fifo'`)
  const log = await openDrawnLog(logFile)
  const core = new FifoCore(
    emulation,
    seededRandom(seed, 'fifo'),
    ({ id, arrivalMs, serviceMs, startMs, atMs }) =>
      log.write({ id, arrivalMs, serviceMs, startMs, departureMs: atMs }),
  )
  const waiting = new Map<number, Exchange>()
  const driver = new Driver<Work, FifoDone, FifoCore>(core, ({ id }) => {
    const exchange = waiting.get(id)
    waiting.delete(id)
    if (exchange !== undefined && !exchange.response.destroyed)
      sendJson(exchange.response, 200, '{"ok":true}')
  })
  const registry = new Registry()
  driver.overrun.expose(registry)
  let nextId = 1
  const serve = (exchange: Exchange): void => {
    const id = nextId++
    if (driver.submit({ id }) === 'accepted') waiting.set(id, exchange)
    else sendJson(exchange.response, 429, '{"error":"the queue is full"}', { 'retry-after': '1' })
  }
  const server = await listen(
    {
      'GET /health': ({ response }) => sendJson(response, 200, '{"ok":true}'),
      ...adminRoutes({ registry, overrun: driver.overrun, log }),
    },
    {
      host,
      port,
      maxBodyBytes: 10_000_000,
      unknown: (exchange) => {
        if (exchange.request.method === 'POST') serve(exchange)
        else sendJson(exchange.response, 405, '{"error":"POST to it"}')
      },
      tooLarge: (response) => sendJson(response, 413, '{"error":"the body is too large"}'),
      failed: (response, error) => {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
        sendJson(response, 500, '{"error":"this is a bug"}')
      },
    },
  )
  driver.overrun.begin()
  return {
    port: server.port,
    sample: () => ({
      queue: core.waiting,
      overrunMs: driver.overrun.takeWorstMs(),
      emulated: driver.overrun.takeAnswers(),
    }),
    close: async (graceMs) => {
      await server.close(graceMs)
      driver.close()
      await log.close()
    },
  }
}
