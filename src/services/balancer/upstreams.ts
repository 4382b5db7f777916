import { performance } from 'node:perf_hooks'
import { Pool } from 'undici'
import type { BalancerConfig } from './config.ts'
import { type Pick, pickBy } from './policies.ts'

/** How long an upstream that refused a connection is passed over, while there is another. */
const restMs = 1_000

export interface Upstream {
  readonly name: string
  readonly url: string
  readonly pool: Pool
  /** Requests given to it and not yet over. */
  inFlight: number
  served: number
  /** Connections that it refused, or that broke. */
  failed: number
  restingUntilMs: number
}

/** What `GET /__ragscale/balancer` says of one upstream. */
export interface UpstreamState {
  readonly name: string
  readonly url: string
  readonly inFlight: number
  readonly served: number
  readonly failed: number
  /** No longer chosen; gone once its requests in flight are over. */
  readonly draining: boolean
}

/** The upstreams of one balancer, with a pool of kept-alive connections each. */
export class Upstreams {
  #active: Upstream[] = []
  #draining = new Set<Upstream>()
  #pick: Pick
  #config: BalancerConfig

  constructor(config: BalancerConfig) {
    this.#config = config
    this.#pick = pickBy(config.policy, config.seed)
    this.#active = config.upstreams.map((upstream) => this.#open(upstream))
  }

  /** The next upstream by policy among those not yet tried; one that has just refused only when no other is left. */
  choose(tried: ReadonlySet<Upstream>): Upstream | undefined {
    const nowMs = performance.now()
    return (
      this.#pick(this.#active, (upstream) => upstream.restingUntilMs <= nowMs && !tried.has(upstream)) ??
      this.#pick(this.#active, (upstream) => !tried.has(upstream))
    )
  }

  begin(upstream: Upstream): void {
    upstream.inFlight++
  }

  end(upstream: Upstream, outcome: 'served' | 'failed'): void {
    upstream.inFlight--
    upstream[outcome]++
    if (this.#draining.has(upstream)) this.#closeWhenIdle(upstream)
  }

  rest(upstream: Upstream): void {
    upstream.restingUntilMs = performance.now() + restMs
  }

  /** Takes up what is new and stops choosing what is no longer named; its requests in flight go on. */
  reconfigure(config: BalancerConfig): void {
    if (config.policy !== this.#config.policy || config.seed !== this.#config.seed) {
      this.#pick = pickBy(config.policy, config.seed)
    }
    this.#config = config
    const before = new Map(this.#active.map((upstream) => [key(upstream), upstream]))
    this.#active = config.upstreams.map((wanted) => {
      const kept = before.get(key(wanted))
      before.delete(key(wanted))
      // Whoever names it again says that it is there.
      if (kept !== undefined) kept.restingUntilMs = 0
      return kept ?? this.#open(wanted)
    })
    for (const upstream of before.values()) {
      this.#draining.add(upstream)
      this.#closeWhenIdle(upstream)
    }
  }

  states(): UpstreamState[] {
    const state = (draining: boolean) => (upstream: Upstream) => ({
      name: upstream.name,
      url: upstream.url,
      inFlight: upstream.inFlight,
      served: upstream.served,
      failed: upstream.failed,
      draining,
    })
    return [...this.#active.map(state(false)), ...[...this.#draining].map(state(true))]
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#active, ...this.#draining].map((upstream) => upstream.pool.destroy()))
  }

  #open(wanted: { name: string; url: string }): Upstream {
    const pool = new Pool(new URL(wanted.url).origin, {
      connections: null,
      pipelining: 1,
      connectTimeout: this.#config.connectTimeoutMs,
      headersTimeout: this.#config.responseTimeoutMs,
      bodyTimeout: this.#config.responseTimeoutMs,
    })
    return { ...wanted, pool, inFlight: 0, served: 0, failed: 0, restingUntilMs: 0 }
  }

  #closeWhenIdle(upstream: Upstream): void {
    if (upstream.inFlight > 0) return
    this.#draining.delete(upstream)
    void upstream.pool.destroy()
  }
}

function key(upstream: { name: string; url: string }): string {
  return `${upstream.name} ${upstream.url}`
}
