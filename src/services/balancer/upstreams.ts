import { performance } from 'node:perf_hooks'
import { Pool } from 'undici'
import type { Release } from '../../catalog/releases.ts'
import { type Random, seededRandom } from '../emulators/cores/random.ts'
import type { BalancerConfig } from './config.ts'
import { type Pick, pickBy } from './policies.ts'

/** How long an upstream that refused a connection is passed over, while there is another. */
const restMs = 1_000

export interface Upstream {
  readonly name: string
  readonly url: string
  readonly release: Release
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
  readonly release: Release
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
  #draw: Random
  #config: BalancerConfig

  constructor(config: BalancerConfig) {
    this.#config = config
    this.#pick = pickBy(config.policy, config.seed)
    this.#draw = seededRandom(config.seed, 'release')
    this.#active = config.upstreams.map((upstream) => this.#open(upstream))
  }

  /** Whether two releases serve. */
  get isSplit(): boolean {
    return this.#active.some(({ release }) => release === 'next')
  }

  /** By its share, for a request that names none. */
  drawRelease(): Release {
    return this.#draw.uniform() * 100 < this.#config.share ? 'next' : 'current'
  }

  /**
   * The next upstream by policy among those of the release not yet tried; one that has just refused only when no
   * other is left. Another release's only where none of this one is, and it was not asked for by name.
   */
  choose(tried: ReadonlySet<Upstream>, release: Release, named: boolean): Upstream | undefined {
    return (
      this.#chooseAmong(tried, (upstream) => upstream.release === release) ??
      (named ? undefined : this.#chooseAmong(tried, () => true))
    )
  }

  #chooseAmong(tried: ReadonlySet<Upstream>, suits: (upstream: Upstream) => boolean): Upstream | undefined {
    const nowMs = performance.now()
    const usable = (upstream: Upstream): boolean => suits(upstream) && !tried.has(upstream)
    return (
      this.#pick(this.#active, (upstream) => upstream.restingUntilMs <= nowMs && usable(upstream)) ??
      this.#pick(this.#active, usable)
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
      release: upstream.release,
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

  #open(wanted: BalancerConfig['upstreams'][number]): Upstream {
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

function key({ name, url, release }: { name: string; url: string; release: Release }): string {
  return `${name} ${url} ${release}`
}
