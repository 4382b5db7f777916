/** How our HTTP services end: readiness goes first, then the listener, then what is in flight within a grace. */
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { DrainConfig } from './config.ts'

export interface Drain {
  /** True from the signal on: `/readyz` then answers 503. */
  readonly draining: boolean
  /**
   * Goes on serving for `noticeMs`, so that balancers see the 503 and stop sending; then takes no more connections
   * and waits for what is in flight; what has not ended `graceMs` after the call is cut off, `onCut` first.
   */
  end(graceMs: number, onCut?: () => void): Promise<void>
}

/** Makes an app drain; also adds `/healthz`, which answers as long as the process lives, and `/readyz`. */
export function drainOf(
  app: FastifyInstance,
  { noticeMs }: Pick<DrainConfig, 'noticeMs'>,
  state: () => object,
): Drain {
  let draining = false
  let closing = false
  app.addHook('onRequest', (_request, reply, done) => {
    // A connection that is kept would bring more, past the balancer that has noticed already.
    if (draining) reply.raw.setHeader('connection', 'close')
    reply.raw.once('close', () => {
      if (closing) setImmediate(() => app.server.closeIdleConnections())
    })
    done()
  })
  app.get('/healthz', () => ({ status: 'ok' }))
  app.get('/readyz', (_request, reply) =>
    reply.code(draining ? 503 : 200).send({ status: draining ? 'draining' : 'ready', ...state() }),
  )
  return {
    get draining() {
      return draining
    },
    end: async (graceMs, onCut) => {
      draining = true
      const cut = setTimeout(() => {
        onCut?.()
        app.server.closeAllConnections()
      }, graceMs)
      await delay(Math.min(noticeMs, graceMs))
      closing = true
      await app.close()
      clearTimeout(cut)
    },
  }
}

/** The port of an app that listens. */
export function portOf(app: FastifyInstance): number {
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  return address.port
}
