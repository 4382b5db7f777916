import type { Attributes, Span } from '../tracing.ts'
import type { CacheName, CacheState, Caches } from './cache.ts'
import type { GatewayConfig } from './config.ts'
import type { Upstreams } from './upstreams.ts'
import type { UpstreamPolicy, UpstreamStage } from './upstream.ts'

/** What every request shares. */
export interface GatewayParts {
  readonly config: GatewayConfig
  readonly caches: Caches
  readonly upstreams: Upstreams
  readonly policies: Readonly<Record<UpstreamStage, UpstreamPolicy>>
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
}

/** Milliseconds spent in each stage; a stage that a cache made unnecessary is absent. */
export type Timings = Partial<Record<UpstreamStage | 'gateway', number>>

/** One request on its way through the stages. */
export interface Visit {
  readonly startedAt: number
  readonly timings: Timings
  readonly cache: Record<CacheName, CacheState>
  readonly span: Span
  readonly signal: AbortSignal
}

export function visitOf({ caches, now }: GatewayParts, span: Span, signal: AbortSignal): Visit {
  return {
    startedAt: now(),
    timings: {},
    cache: {
      embedding: caches.embedding.on ? 'miss' : 'off',
      retrieval: caches.retrieval.on ? 'miss' : 'off',
      answer: caches.answer.on ? 'miss' : 'off',
    },
    span,
    signal,
  }
}

/** How one attempt of a call is made: until when, and as part of which trace. */
export interface Call {
  readonly signal: AbortSignal
  readonly headers: Readonly<Record<string, string>>
}

/** Calls an upstream by its policy, timed and as a span of its own. */
export async function atStage<T>(
  parts: GatewayParts,
  visit: Visit,
  stage: UpstreamStage,
  attributes: Attributes,
  call: (call: Call) => Promise<T>,
): Promise<T> {
  const since = parts.now()
  const span = visit.span.child(stage, attributes)
  try {
    const result = await parts.policies[stage].run(
      (signal) => call({ signal, headers: span.headers }),
      visit.signal,
    )
    span.end()
    return result
  } catch (error) {
    span.end(error)
    throw error
  } finally {
    visit.timings[stage] = parts.now() - since
  }
}

/** The gateway's own share: what the request took beyond what its stages did. */
export function withOwnTime({ now }: GatewayParts, { startedAt, timings }: Visit): Timings {
  const stages = Object.values(timings).reduce((sum, ms) => sum + ms, 0)
  return { ...timings, gateway: Math.max(0, now() - startedAt - stages) }
}
