import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { CacheName, CacheState } from './cache.ts'
import type { Timings } from './query.ts'

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export interface GatewayMetrics {
  text(): Promise<string>
  started(): void
  ended(status: number, durationMs: number): void
  finished(timings: Timings, cache: Record<CacheName, CacheState>): void
  firstToken(durationMs: number): void
  failed(stage: string): void
  cacheFailed(cache: string): void
  circuit(stage: string, state: 'closed' | 'open' | 'half-open'): void
}

/** `ragscale_gateway_*`, the names that dashboards and alerts rely on. */
export function createMetrics(): GatewayMetrics {
  const registry = new Registry()
  const registers = [registry]
  const inFlight = new Gauge({
    name: 'ragscale_gateway_in_flight',
    help: 'Queries being answered.',
    registers,
  })
  const requests = new Counter({
    name: 'ragscale_gateway_requests_total',
    help: 'Queries by status.',
    labelNames: ['status'],
    registers,
  })
  const duration = new Histogram({
    name: 'ragscale_gateway_request_duration_seconds',
    help: 'From the query to the last byte of its answer.',
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
  const circuits = new Gauge({
    name: 'ragscale_gateway_circuit_open',
    help: '1 while the circuit to an upstream is open.',
    labelNames: ['stage'],
    registers,
  })
  return {
    text: () => registry.metrics(),
    started: () => inFlight.inc(),
    ended: (status, durationMs) => {
      inFlight.dec()
      requests.inc({ status: String(status) })
      duration.observe(durationMs / 1_000)
    },
    finished: (timings, states) => {
      for (const [name, ms] of Object.entries(timings)) stage.observe({ stage: name }, ms / 1_000)
      for (const [name, result] of Object.entries(states))
        if (result !== 'off') cache.inc({ cache: name, result })
    },
    firstToken: (durationMs) => ttft.observe(durationMs / 1_000),
    failed: (name) => failures.inc({ stage: name }),
    cacheFailed: (name) => cacheFailures.inc({ cache: name }),
    circuit: (name, state) => circuits.set({ stage: name }, state === 'open' ? 1 : 0),
  }
}
