import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { CacheName, CacheState, Usage } from './cache.ts'
import type { GatewayConfig } from './config.ts'
import { processMetrics } from '../process-metrics.ts'
import type { AnswerEvent } from './query.ts'
import type { Timings } from './visit.ts'

const always = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export const routes = ['query', 'retrieve', 'generate'] as const
export type Route = (typeof routes)[number]

export interface GatewayMetrics {
  text(): Promise<string>
  started(route: Route): void
  ended(route: Route, status: number, durationMs: number): void
  /** Answered without being begun: 400 or 429. It has no duration. */
  refused(route: Route, status: number): void
  finished(timings: Timings, cache: Record<CacheName, CacheState>): void
  firstToken(route: Route, durationMs: number): void
  /** What a model read and wrote for an answer; one from a cache cost it nothing. */
  generated(usage: Usage): void
  failed(stage: string): void
  cacheFailed(cache: string): void
  circuit(stage: string, state: 'closed' | 'open' | 'half-open'): void
}

/** `ragscale_gateway_*`, the names that dashboards, alerts and autoscaling rely on. */
export function createMetrics({
  maxInFlight,
  bucketsMs,
}: Pick<GatewayConfig, 'maxInFlight' | 'bucketsMs'>): GatewayMetrics {
  const seconds = [...new Set([...always, ...bucketsMs.map((ms) => ms / 1_000)])].sort((a, b) => a - b)
  const registry = new Registry()
  processMetrics(registry)
  const registers = [registry]
  const inFlight = new Gauge({
    name: 'ragscale_gateway_in_flight',
    help: 'Queries being answered.',
    labelNames: ['route'],
    registers,
  })
  // A series that is absent while nothing came reads as "unknown" to what scales by it.
  for (const route of routes) inFlight.set({ route }, 0)
  new Gauge({
    name: 'ragscale_gateway_max_in_flight',
    help: 'Queries answered at once; one more is answered 429.',
    registers,
  }).set(maxInFlight)
  const requests = new Counter({
    name: 'ragscale_gateway_requests_total',
    help: 'Queries by status, refused ones included.',
    labelNames: ['route', 'status'],
    registers,
  })
  const duration = new Histogram({
    name: 'ragscale_gateway_request_duration_seconds',
    help: 'From the query to the last byte of its answer.',
    labelNames: ['route'],
    buckets: seconds,
    registers,
  })
  const stage = new Histogram({
    name: 'ragscale_gateway_stage_duration_seconds',
    help: 'Time in each stage of a query.',
    labelNames: ['stage'],
    buckets: seconds,
    registers,
  })
  const ttft = new Histogram({
    name: 'ragscale_gateway_time_to_first_token_seconds',
    help: 'From the query to the first token of its answer.',
    labelNames: ['route'],
    buckets: seconds,
    registers,
  })
  const failures = new Counter({
    name: 'ragscale_gateway_upstream_failures_total',
    help: 'Queries that an upstream failed.',
    labelNames: ['stage'],
    registers,
  })
  const cache = new Counter({
    name: 'ragscale_gateway_cache_total',
    help: 'Look-ups by cache and result.',
    labelNames: ['cache', 'result'],
    registers,
  })
  const cacheFailures = new Counter({
    name: 'ragscale_gateway_cache_failures_total',
    help: 'Cache operations that failed and were taken for a miss.',
    labelNames: ['cache'],
    registers,
  })
  const tokens = new Counter({
    name: 'ragscale_gateway_tokens_total',
    help: 'Tokens that the model read (input) and wrote (output), as its server counted them.',
    labelNames: ['kind'],
    registers,
  })
  const circuits = new Gauge({
    name: 'ragscale_gateway_circuit_open',
    help: '1 while the circuit to an upstream is open.',
    labelNames: ['stage'],
    registers,
  })
  return {
    text: () => registry.metrics(),
    started: (route) => inFlight.inc({ route }),
    ended: (route, status, durationMs) => {
      inFlight.dec({ route })
      requests.inc({ route, status: String(status) })
      duration.observe({ route }, durationMs / 1_000)
    },
    refused: (route, status) => requests.inc({ route, status: String(status) }),
    finished: (timings, states) => {
      for (const [name, ms] of Object.entries(timings)) stage.observe({ stage: name }, ms / 1_000)
      for (const [name, result] of Object.entries(states))
        if (result !== 'off') cache.inc({ cache: name, result })
    },
    firstToken: (route, durationMs) => ttft.observe({ route }, durationMs / 1_000),
    generated: ({ prompt_tokens: input, completion_tokens: output }) => {
      tokens.inc({ kind: 'input' }, input)
      tokens.inc({ kind: 'output' }, output)
    },
    failed: (name) => failures.inc({ stage: name }),
    cacheFailed: (name) => cacheFailures.inc({ cache: name }),
    circuit: (name, state) => circuits.set({ stage: name }, state === 'open' ? 1 : 0),
  }
}

/** Passes events on, and notes the first token and what the last event tells. */
export async function* measured(
  route: Route,
  events: AsyncIterable<AnswerEvent>,
  metrics: GatewayMetrics,
  now: () => number,
): AsyncGenerator<AnswerEvent> {
  const since = now()
  let tokens = 0
  for await (const event of events) {
    if (event.type === 'token' && tokens++ === 0) metrics.firstToken(route, now() - since)
    if (event.type === 'done') {
      metrics.finished(event.timings, event.cache)
      if (event.usage !== null && event.cache.answer !== 'hit') metrics.generated(event.usage)
    }
    yield event
  }
}
