/**
 * A server that is a queue: `servers` serve one request each, first come first served, for a time drawn from
 * a law. It answers `POST /embed` as TEI does, and keeps the arrival, start, draw and departure of each request
 * for its parent: `configure` → `listening`, `log` → `log`.
 *
 * The next request begins when the one before it has left, late or not: what was realised is a queue, with the
 * lateness of a timer as part of the service.
 */
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { at, nowMs } from './clock.ts'

export type Law =
  | { readonly kind: 'exponential' | 'fixed'; readonly meanMs: number }
  | { readonly kind: 'lognormal'; readonly meanMs: number; readonly cv: number }

export interface QueueingConfig {
  readonly servers: number
  readonly law: Law
  readonly seed: number
}

export interface Served {
  readonly arrivalMs: number
  readonly startMs: number
  readonly drawnMs: number
  /** When the answer was written, not when it was due. */
  readonly departureMs: number
}

interface Waiting {
  readonly arrivalMs: number
  readonly drawnMs: number
  readonly response: ServerResponse
}

export type ToServer = { type: 'configure'; config: QueueingConfig } | { type: 'log' }
export type FromServer = { type: 'listening'; port: number } | { type: 'log'; served: Served[] }

let config: QueueingConfig
let random: () => number
let busy = 0
const waiting: Waiting[] = []
const served: Served[] = []
const body = JSON.stringify([[0.1, 0.2, 0.3]])

/** mulberry32: 32 bits of state are plenty for ten thousand draws. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

function draw(law: Law): number {
  switch (law.kind) {
    case 'fixed':
      return law.meanMs
    case 'exponential':
      return -law.meanMs * Math.log(1 - random())
    case 'lognormal': {
      const variance = Math.log(1 + law.cv ** 2)
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
      return law.meanMs * Math.exp(Math.sqrt(variance) * normal - variance / 2)
    }
  }
}

function arrive(arrivalMs: number, response: ServerResponse): void {
  const request = { arrivalMs, drawnMs: draw(config.law), response }
  if (busy === config.servers) {
    waiting.push(request)
    return
  }
  busy += 1
  serve(request, arrivalMs)
}

function serve({ arrivalMs, drawnMs, response }: Waiting, startMs: number): void {
  at(startMs + drawnMs, () => {
    response.end(body)
    const departureMs = nowMs()
    served.push({ arrivalMs, startMs, drawnMs, departureMs })
    const next = waiting.shift()
    if (next === undefined) busy -= 1
    else serve(next, departureMs)
  })
}

const server = createServer((request, response) => {
  const arrivalMs = nowMs()
  request.resume()
  if (request.url !== '/embed') {
    response.end('{}')
    return
  }
  response.setHeader('content-type', 'application/json')
  response.setHeader('content-length', body.length)
  request.once('end', () => arrive(arrivalMs, response))
})
server.keepAliveTimeout = 60_000

process.on('message', (message: ToServer) => {
  if (message.type === 'log') {
    tell({ type: 'log', served })
    return
  }
  config = message.config
  random = randomOf(config.seed)
  server.listen(0, '127.0.0.1', () =>
    tell({ type: 'listening', port: (server.address() as AddressInfo).port }),
  )
})
process.on('disconnect', () => process.exit(0))

function tell(message: FromServer): void {
  process.send?.(message)
}
