/**
 * What a balancer is told, in terms that nginx, HAProxy and Envoy share. `render/balancer` makes it from a stack; the
 * component's folder writes it in its own language (`Component.balance`).
 */
import type { BalancerPolicy, Stack } from '../stack/stack.ts'
import { type BalancedTier, balancedTiers, balancerPorts } from './container.ts'
import { providerOf } from './provided.ts'

export interface Balancing {
  readonly upstreams: readonly Upstream[]
  /** The DNS server that knows the replicas, for software that does not read `/etc/resolv.conf`. */
  readonly resolver: string
}

/** One tier: where it is asked for, who answers, and how its requests look. */
export interface Upstream {
  readonly tier: BalancedTier
  readonly listen: number
  readonly policy: BalancerPolicy
  /** Who answers: the current release, and the next one while a rollout is under way. */
  readonly pools: readonly [current: Pool] | readonly [current: Pool, next: Pool]
  /** Answers 200 when a replica may be sent requests; null: connecting says enough. */
  readonly healthPath: string | null
  /** Replicas that room is kept for, where the software cannot grow its list by itself (HAProxy). */
  readonly slots: number
  readonly traffic: Traffic
}

export interface Pool {
  /** Of the group of replicas: the tier's name; of the next release `embed-next`. */
  readonly name: string
  /** Resolves to every replica's address. */
  readonly host: string
  readonly port: number
  /** Of 100 requests that name no release. All pools of a tier together make 100. */
  readonly share: number
  /**
   * Addresses of the replicas that get its requests for now, while others come up or are about to go; absent: all that
   * the host resolves to. Where none of them can be reached, those are asked all the same.
   */
  readonly members?: readonly [string, ...string[]]
}

/** Which replicas alone get a pool's requests for now: by the pool's name, their addresses. */
export type Members = ReadonlyMap<string, readonly [string, ...string[]]>

/** The same, with requests of these pools for their members alone. */
export function choosing(balancing: Balancing, members: Members): Balancing {
  const chosen = (pool: Pool): Pool => {
    const { members: _, ...all } = pool
    const addresses = members.get(pool.name)
    return addresses === undefined ? all : { ...all, members: addresses }
  }
  const upstreams = balancing.upstreams.map((upstream): Upstream => {
    const [current, next] = upstream.pools
    return { ...upstream, pools: next === undefined ? [chosen(current)] : [chosen(current), chosen(next)] }
  })
  return { ...balancing, upstreams }
}

/** What stands in a balancer's configuration for those who get a pool's requests. */
export function asked({ name, members }: Pool): string {
  return members === undefined ? name : `${name}-chosen`
}

export interface Traffic {
  /** The largest body let through. Above what the servers themselves accept, so that callers see their answer. */
  readonly maxBodyBytes: number
  /** How long a server may say nothing before the request is given up, in seconds. */
  readonly silenceSeconds: number
  /** Answers are streams of tokens: each is passed on as it comes. */
  readonly streams: boolean
  /** The whole request is read before a replica is chosen for it. */
  readonly readsWholeRequest: boolean
}

/**
 * Replicas behind it close a connection that was idle for 5 s (vLLM's `VLLM_HTTP_TIMEOUT_KEEP_ALIVE`, uvicorn's and
 * actix-web's default, which is Qdrant's). A balancer that closes first never sends a request into a closing one.
 */
export const upstreamIdleSeconds = 4

/** How old a list of replicas may be. Docker's DNS gives its answers 600 s to live, which nobody wants. */
export const resolveSeconds = 5

/**
 * So long after it was told to read another configuration, a balancer may yet bring a request by the one before: on a
 * connection that a client had kept, which has one more answer.
 */
export const lingerSeconds = 10

/** A replica that is not there costs a request this long at most before another is tried. On one network it takes below 1 ms. */
export const connectSeconds = 1

/** After a stop is asked for, how long answers that are being given may take: 4,000 tokens at 40 a second, and some. */
export const drainSeconds = 120

/** Connections of clients that one balancer takes; what comes beyond waits to be taken. */
export const maxConnections = 8192

/** Health and metrics of the balancer itself; never published. */
export const statusPort = 8090

/** The tiers of a stack that a balancer stands before: all that have replicas of ours, in the order of their ports. */
export function balancedTiersOf(stack: Stack): BalancedTier[] {
  return balancedTiers.filter(
    (tier) => stack.tiers[tier] !== undefined && providerOf(stack, tier) === undefined,
  )
}

/** Ports of a balancer's container: one a tier, named after it, and its own. */
export function portsOf(stack: Stack): Record<string, number> {
  const tiers = balancedTiersOf(stack).map((tier) => [tier, balancerPorts[tier]] as const)
  return { ...Object.fromEntries(tiers), status: statusPort }
}
