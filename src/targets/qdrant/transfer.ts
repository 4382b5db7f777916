/** One shard copied, moved or dropped, and waited for: what is lost meanwhile is named. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { type NodeAddress, call, callMs, persistently } from './call.ts'
import { type CollectionShards, type Topology, readTopology, shardsOf } from './cluster.ts'
import type { Move } from './placement.ts'
import { downPeers } from './view.ts'

/** A move by the ids of peers, which are text. */
export interface PeerMove {
  readonly kind: Move['kind']
  readonly collection: string
  readonly shard: number
  readonly from: string
  readonly to: string | null
}

export interface TransferOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** What a peer is called; else by its id. */
  readonly nameOf?: (peer: string) => string
  /** Peers that do not answer now. */
  readonly down?: () => Promise<ReadonlySet<string>>
  /** What is waited for meanwhile, in sentences. */
  readonly onNotice?: (text: string) => void
  /** How long a call is made again while nodes are lost or choose a leader, ms. */
  readonly patienceMs?: number
  /** Milliseconds without a transfer after which an unfinished move counts as given up. */
  readonly stillMs?: number
  /** Milliseconds after which a peer of the move that does not answer is waited for no longer. */
  readonly silentMs?: number
}

const pollMs = 100
/** How long a move may show no transfer, and not be done, before it counts as given up by the cluster. */
const stillMs = 5_000
/** A container that crashed is back within seconds; a cluster keeps the transfer of a node that is not. */
const silentMs = 30_000
const patienceMs = 60_000
/** How often it is looked who answers. */
const lookForPeersMs = 1_000

/**
 * Makes one move and waits until the copy at its target is whole.
 * @throws UserError (exit 4) when the cluster refuses it or gives it up, a node of it stays away, or it takes longer
 * than `timeoutMs`; the signal's reason
 */
export async function moveShard(
  move: Move,
  nodes: readonly NodeAddress[],
  options: TransferOptions,
): Promise<void> {
  const { peers } = await readTopology(nodes)
  const names = new Map(Object.entries(peers).map(([name, id]) => [id, name]))
  // Through a node that has nothing to do with it where there is one: it sees both.
  const aside = nodes.filter(({ name }) => name !== move.from && name !== move.to)
  const others = nodes.filter(({ name }) => name === move.from || name === move.to)
  const to = move.to === null ? null : peerOf(move.to, peers)
  await transferShard(
    { kind: move.kind, collection: move.collection, shard: move.shard, from: peerOf(move.from, peers), to },
    describeMove(move),
    [...aside, ...others],
    {
      nameOf: (peer) => names.get(peer) ?? `peer ${peer}`,
      down: async () => await downPeers(nodes, true),
      ...options,
    },
  )
}

/**
 * As `moveShard`, by ids; `what`: the move in words. The nodes are asked in order: one that is lost meanwhile is
 * passed over.
 */
export async function transferShard(
  move: PeerMove,
  what: string,
  nodes: readonly NodeAddress[],
  options: TransferOptions,
): Promise<void> {
  const watched = new Watched(move, what, nodes, options)
  await watched.untilFree()
  await watched.begin()
  await watched.untilDone()
}

class Watched {
  readonly #move: PeerMove
  readonly #what: string
  readonly #nodes: readonly NodeAddress[]
  readonly #options: TransferOptions
  readonly #deadlineMs: number
  #lookedMs = -Infinity
  #silent: { readonly sinceMs: number; readonly names: string } | null = null
  /** Who was away and is back. */
  #wasSilent: string | null = null

  constructor(move: PeerMove, what: string, nodes: readonly NodeAddress[], options: TransferOptions) {
    this.#move = move
    this.#what = what
    this.#nodes = nodes
    this.#options = options
    this.#deadlineMs = performance.now() + options.timeoutMs
  }

  /** Until nobody else moves the shard: Qdrant refuses a second transfer of it, and drops a copy that is being read. */
  async untilFree(): Promise<void> {
    for (let told = false; ; told = true) {
      const shards = await this.#look()
      if (!this.#isMoving(shards)) {
        if (this.#move.kind === 'drop') await this.#refuseDrop(shards)
        return
      }
      if (!told)
        this.#notice(
          `shard ${this.#move.shard} of ${this.#move.collection} is on its way already: waiting for it`,
        )
      await this.#pause(shards)
    }
  }

  /** Asks for it; again where nobody could take it up yet, as while a leader is chosen. */
  async begin(): Promise<void> {
    const { kind, collection, shard, from, to } = this.#move
    const path = `${pathOf(collection)}/cluster`
    let asked = 0
    await this.#persistently(async (node) => {
      // The answer to the one before may have been lost with a node.
      if (asked++ > 0) {
        const seen = await shardsOf(node, collection, callMs)
        if (this.#isMoving(seen) || this.#isDone(seen)) return
      }
      await call(node, 'POST', path, { body: bodyOf(kind, shard, from, to) })
    })
  }

  async untilDone(): Promise<void> {
    let movedMs = performance.now()
    for (;;) {
      const shards = await this.#look()
      const moving = this.#isMoving(shards)
      if (this.#isDone(shards) && !moving) return
      const nowMs = performance.now()
      if (moving) movedMs = nowMs
      // A node may show the end of a transfer a little before what came of it.
      if (nowMs - movedMs > (this.#options.stillMs ?? stillMs)) throw await this.#gaveUp(shards)
      await this.#pause(shards)
    }
  }

  #isMoving({ moving }: CollectionShards): boolean {
    return moving.some(({ shard }) => shard === this.#move.shard)
  }

  #isDone({ copies }: CollectionShards): boolean {
    const { kind, shard, from, to } = this.#move
    const its = copies.filter((copy) => copy.shard === shard)
    const arrived = to === null || its.some((copy) => copy.peer === to && copy.state === 'Active')
    return arrived && (kind === 'replicate' || its.every((copy) => copy.peer !== from))
  }

  /**
   * Qdrant drops a copy while the one that should replace it still recovers, or is on a node that is gone and that no
   * write has missed yet, and says nothing: then points are gone.
   */
  async #refuseDrop({ copies }: CollectionShards): Promise<void> {
    const others = copies.filter(({ shard, peer }) => shard === this.#move.shard && peer !== this.#move.from)
    const down = await this.#down()
    if (others.some(({ state, peer }) => state === 'Active' && !down.has(peer))) return
    const silent = others.filter(({ peer }) => down.has(peer)).map(({ peer }) => this.#name(peer))
    const states =
      others
        .map(({ state, peer }) =>
          down.has(peer) ? `${state} on ${this.#name(peer)}, which does not answer` : state,
        )
        .join(', ') || 'there is none'
    throw failed(this.#what, `no other copy of the shard is active (${states})`, silent)
  }

  async #look(): Promise<CollectionShards> {
    return await this.#persistently(async (node) => await shardsOf(node, this.#move.collection, callMs))
  }

  async #persistently<T>(ask: (node: NodeAddress) => Promise<T>): Promise<T> {
    const { signal, onNotice } = this.#options
    try {
      return await persistently(this.#nodes, ask, {
        patienceMs: this.#options.patienceMs ?? patienceMs,
        signal,
        ...(onNotice === undefined ? {} : { onNotice }),
      })
    } catch (error) {
      if (signal.aborted) throw error
      throw failed(
        this.#what,
        messageOf(error),
        [...(await this.#down())].map((peer) => this.#name(peer)),
      )
    }
  }

  /** A moment; less often it looks who of the two answers. @throws UserError when one stays away, or time is up */
  async #pause(shards: CollectionShards): Promise<void> {
    const nowMs = performance.now()
    if (nowMs > this.#deadlineMs) throw failed(this.#what, 'it was not done in time')
    if (nowMs - this.#lookedMs > Math.min(lookForPeersMs, this.#silentMs / 4)) {
      this.#lookedMs = nowMs
      await this.#lookForPeers(shards)
    }
    await sleep(pollMs, undefined, { signal: this.#options.signal })
  }

  async #lookForPeers({ copies, moving }: CollectionShards): Promise<void> {
    const { shard, from, to } = this.#move
    const its = moving.find((one) => one.shard === shard) ?? { from, to }
    const down = await this.#down()
    const names = [its.from, its.to].flatMap((peer) =>
      peer !== null && down.has(peer) ? [this.#name(peer)] : [],
    )
    if (names.length === 0) {
      if (this.#silent !== null) {
        this.#notice(`${this.#silent.names} is back`)
        this.#wasSilent = this.#silent.names
      }
      this.#silent = null
      return
    }
    const told = names.join(' and ')
    if (this.#silent === null)
      this.#notice(`${told} does not answer: waiting for it, or for the cluster to give the transfer up`)
    this.#silent ??= { sinceMs: performance.now(), names: told }
    const silentFor = performance.now() - this.#silent.sinceMs
    if (silentFor < this.#silentMs) return
    throw failed(
      this.#what,
      `${told} has not answered for ${Math.round(silentFor / 1000)} s${this.#unserved(copies, down)}`,
      names,
    )
  }

  async #gaveUp({ copies }: CollectionShards): Promise<UserError> {
    const down = await this.#down()
    const its = copies.filter(({ shard }) => shard === this.#move.shard)
    const states = its.map(({ peer, state }) => `${state} on ${this.#name(peer)}`).join(', ') || 'nowhere'
    const names = [...down].map((peer) => this.#name(peer))
    const unexplained =
      this.#wasSilent === null
        ? "its nodes' logs may tell why"
        : `${this.#wasSilent} did not answer for a while`
    const why =
      names.length === 0
        ? unexplained
        : `${names.join(' and ')} ${names.length === 1 ? 'does' : 'do'} not answer`
    return failed(
      this.#what,
      `the cluster gave the transfer up: ${why} (the shard is ${states})${this.#unserved(copies, down)}`,
      names,
    )
  }

  /** Whether the shard can be asked meanwhile. */
  #unserved(copies: CollectionShards['copies'], down: ReadonlySet<string>): string {
    const its = copies.filter(({ shard, state }) => shard === this.#move.shard && state === 'Active')
    if (its.some(({ peer }) => !down.has(peer))) return ''
    return '; until then no copy of the shard can be searched'
  }

  get #silentMs(): number {
    return this.#options.silentMs ?? silentMs
  }

  async #down(): Promise<ReadonlySet<string>> {
    return (await this.#options.down?.().catch(() => null)) ?? new Set()
  }

  #name(peer: string): string {
    return this.#options.nameOf?.(peer) ?? `peer ${peer}`
  }

  #notice(text: string): void {
    this.#options.onNotice?.(text)
  }
}

/** `move shard 2 of docs from vector-1 to vector-4` */
export function describeMove({ kind, collection, shard, from, to }: Move): string {
  if (kind === 'drop') return `drop the copy of shard ${shard} of ${collection} on ${from}`
  return `${kind === 'move' ? 'move' : 'copy'} shard ${shard} of ${collection} from ${from} to ${to}`
}

const pathOf = (collection: string): string => `/collections/${encodeURIComponent(collection)}`

/** Ids are written as they are: a number of JavaScript would round them. */
function bodyOf(kind: Move['kind'], shard: number, from: string, to: string | null): string {
  if (kind === 'drop') return `{"drop_replica":{"shard_id":${shard},"peer_id":${from}}}`
  const key = kind === 'move' ? 'move_shard' : 'replicate_shard'
  return `{"${key}":{"shard_id":${shard},"from_peer_id":${from},"to_peer_id":${to},"method":"stream_records"}}`
}

function peerOf(name: string, peers: Topology['peers']): string {
  const peer = peers[name]
  if (peer !== undefined && /^\d+$/.test(peer)) return peer
  throw failed(`find ${name} in the cluster`, 'it has not joined')
}

/** @param down nodes that have to be back first */
export function failed(what: string, why: string, down: readonly string[] = []): UserError {
  const first =
    down.length === 0
      ? 'The same command goes on from there'
      : `Once ${down.join(' and ')} ${down.length === 1 ? 'runs' : 'run'} again (ragscale up), the same command goes on from there`
  return new UserError(`could not ${what}: ${why}`, {
    hint: `${first}. What was moved so far stays moved, and no data is lost.`,
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}
