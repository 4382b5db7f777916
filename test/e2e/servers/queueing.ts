/**
 * A server that is a queue: `servers` serve one request each, first come first served, for a time drawn from
 * a law. It answers `POST /embed` as TEI does, and keeps the arrival, draw and departure of each request for
 * its parent: `configure` → `listening`, `log` → `log`.
 *
 * The instant of an answer follows from the arrivals and the draws alone, so that a timer that fires late
 * delays one answer and not the queue behind it.
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
  readonly serviceMs: number
  /** When the answer was written, not when it was due. */
  readonly departureMs: number
}

export type ToServer = { type: 'configure'; config: QueueingConfig } | { type: 'log' }
export type FromServer = { type: 'listening'; port: number } | { type: 'log'; served: Served[] }

let config: QueueingConfig
let random: () => number
let freeAt: number[]
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
  const serviceMs = draw(config.law)
  const first = freeAt.indexOf(Math.min(...freeAt))
  const due = Math.max(arrivalMs, freeAt[first] ?? 0) + serviceMs
  freeAt[first] = due
  at(due, () => {
    response.end(body)
    served.push({ arrivalMs, serviceMs, departureMs: nowMs() })
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
  freeAt = Array.from({ length: config.servers }, () => 0)
  server.listen(0, '127.0.0.1', () =>
    tell({ type: 'listening', port: (server.address() as AddressInfo).port }),
  )
})
process.on('disconnect', () => process.exit(0))

function tell(message: FromServer): void {
  process.send?.(message)
}
