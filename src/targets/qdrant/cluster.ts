/** A Qdrant cluster as its REST shows it, and the changes that a target makes to it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { type NodeAddress, call, callMs, firstOf, answered } from './call.ts'
import type { Move, ShardCopy } from './placement.ts'

export interface Topology {
  /** Ids of peers by the names of nodes. They exceed 2^53, so they are text. */
  readonly peers: Readonly<Record<string, string>>
  readonly copies: readonly ShardCopy[]
  /** Shards by collection. */
  readonly shards: Readonly<Record<string, number>>
}

const pollMs = 100
/** How long a move may show no transfer, and not be done, before it counts as given up by the cluster. */
const stillMs = 5000

const peerId = z.coerce.string()
const clusterAnswer = z.object({
  result: z.object({ peers: z.record(z.string(), z.object({ uri: z.string() })).default({}) }),
})
const collectionsAnswer = z.object({
  result: z.object({ collections: z.array(z.object({ name: z.string() })) }),
})
const shardsAnswer = z.object({
  result: z.object({
    peer_id: peerId,
    shard_count: z.number(),
    local_shards: z.array(z.object({ shard_id: z.number(), state: z.string() })),
    remote_shards: z.array(z.object({ shard_id: z.number(), peer_id: peerId, state: z.string() })),
    shard_transfers: z.array(z.object({ shard_id: z.number() })),
  }),
})

/** Asks one of the nodes, whichever answers first in order. Throws when none does. */
export async function readTopology(
  nodes: readonly NodeAddress[],
  timeoutMs: number = callMs,
): Promise<Topology> {
  return await firstOf(nodes, async (node) => await topologyOf(node, nodes, timeoutMs))
}

async function topologyOf(
  asked: NodeAddress,
  nodes: readonly NodeAddress[],
  timeoutMs: number,
): Promise<Topology> {
  const { result } = answered(clusterAnswer, await call(asked, 'GET', '/cluster', { timeoutMs }))
  const peers = Object.fromEntries(
    nodes.flatMap(({ name, peerUrl }) => {
      const found = Object.entries(result.peers).find(
        ([, { uri }]) => peerUrl !== null && new URL(uri).host === new URL(peerUrl).host,
      )
      return found === undefined ? [] : [[name, found[0]] as const]
    }),
  )
  const names = new Map(Object.entries(peers).map(([name, id]) => [id, name]))
  const listed = answered(collectionsAnswer, await call(asked, 'GET', '/collections', { timeoutMs }))
  const collections = await Promise.all(
    listed.result.collections.map(
      async ({ name }) => [name, await shardsOf(asked, name, timeoutMs)] as const,
    ),
  )
  return {
    peers,
    shards: Object.fromEntries(collections.map(([name, found]) => [name, found.count])),
    copies: collections.flatMap(([collection, found]) =>
      found.copies.map(({ shard, peer, state }) => ({
        collection,
        shard,
        node: names.get(peer) ?? `peer ${peer}`,
        active: state === 'Active',
      })),
    ),
  }
}

interface CollectionShards {
  readonly count: number
  readonly copies: readonly { readonly shard: number; readonly peer: string; readonly state: string }[]
  /** Shards under way from one peer to another. */
  readonly moving: readonly number[]
}

async function shardsOf(
  asked: NodeAddress,
  collection: string,
  timeoutMs: number,
): Promise<CollectionShards> {
  const path = `/collections/${encodeURIComponent(collection)}/cluster`
  const { result } = answered(shardsAnswer, await call(asked, 'GET', path, { timeoutMs }))
  return {
    count: result.shard_count,
    copies: [
      ...result.local_shards.map(({ shard_id: shard, state }) => ({ shard, peer: result.peer_id, state })),
      ...result.remote_shards.map(({ shard_id: shard, peer_id: peer, state }) => ({ shard, peer, state })),
    ],
    moving: result.shard_transfers.map(({ shard_id: shard }) => shard),
  }
}

/**
 * Makes one move and waits until the copy at its target is whole.
 * @throws UserError (exit 4) when the cluster refuses it or gives it up, or it takes longer than `timeoutMs`; the
 * signal's reason
 */
export async function moveShard(
  move: Move,
  nodes: readonly NodeAddress[],
  options: TransferOptions,
): Promise<void> {
  const { peers } = await readTopology(nodes)
  // Through a node that has nothing to do with it where there is one: it sees both.
  const aside = nodes.filter(({ name }) => name !== move.from && name !== move.to)
  const others = nodes.filter(({ name }) => name === move.from || name === move.to)
  const to = move.to === null ? null : peerOf(move.to, peers)
  await transferShard(
    { kind: move.kind, collection: move.collection, shard: move.shard, from: peerOf(move.from, peers), to },
    describeMove(move),
    [...aside, ...others],
    options,
  )
}

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
  /** Milliseconds without a transfer after which an unfinished move counts as given up. */
  readonly stillMs?: number
}

/**
 * As `moveShard`, by ids; `what`: the move in words. The nodes are asked in order: one that is lost meanwhile is
 * passed over.
 */
export async function transferShard(
  { kind, collection, shard, from, to }: PeerMove,
  what: string,
  nodes: readonly NodeAddress[],
  options: TransferOptions,
): Promise<void> {
  const look = async () => await firstOf(nodes, async (node) => await shardsOf(node, collection, callMs))
  if (kind === 'drop') refuseDrop(what, shard, from, await attempt(what, look))
  const path = `/collections/${encodeURIComponent(collection)}/cluster`
  const body = bodyOf(kind, shard, from, to)
  await attempt(
    what,
    async () => await firstOf(nodes, async (node) => await call(node, 'POST', path, { body })),
  )
  const deadlineMs = performance.now() + options.timeoutMs
  let movedMs = performance.now()
  for (;;) {
    const { copies, moving } = await attempt(what, look)
    const its = copies.filter((copy) => copy.shard === shard)
    const arrived = to === null || its.some((copy) => copy.peer === to && copy.state === 'Active')
    const left = kind === 'replicate' || its.every((copy) => copy.peer !== from)
    if (arrived && left && !moving.includes(shard)) return
    const nowMs = performance.now()
    if (moving.includes(shard)) movedMs = nowMs
    // A node may show the end of a transfer a little before what came of it.
    if (nowMs - movedMs > (options.stillMs ?? stillMs)) throw failed(what, gaveUp(its))
    if (nowMs > deadlineMs) throw failed(what, 'it was not done in time')
    await sleep(pollMs, undefined, { signal: options.signal })
  }
}

/** Qdrant drops a copy while the one that should replace it still recovers, and says nothing: then points are gone. */
function refuseDrop(what: string, shard: number, from: string, { copies, moving }: CollectionShards): void {
  if (moving.includes(shard)) throw failed(what, 'the shard is being copied')
  const others = copies.filter((copy) => copy.shard === shard && copy.peer !== from)
  if (others.some(({ state }) => state === 'Active')) return
  throw failed(
    what,
    `no other copy of the shard is active (${others.map(({ state }) => state).join(', ') || 'there is none'})`,
  )
}

async function attempt<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    throw failed(what, messageOf(error))
  }
}

/** Takes a node that holds nothing any more out of the cluster. */
export async function removePeer(name: string, nodes: readonly NodeAddress[]): Promise<void> {
  const { peers } = await readTopology(nodes)
  const peer = peers[name]
  // It never joined, or is out already.
  if (peer === undefined) return
  await removePeerById(
    peer,
    name,
    nodes.filter((node) => node.name !== name),
  )
}

/** As `removePeer`, by its id; `name`: for messages. `nodes`: not the one that goes. */
export async function removePeerById(
  peer: string,
  name: string,
  nodes: readonly NodeAddress[],
): Promise<void> {
  await attempt(
    `take ${name} out of the cluster`,
    async () => await firstOf(nodes, async (node) => await call(node, 'DELETE', `/cluster/peer/${peer}`)),
  )
}

/** `move shard 2 of docs from vector-1 to vector-4` */
export function describeMove({ kind, collection, shard, from, to }: Move): string {
  if (kind === 'drop') return `drop the copy of shard ${shard} of ${collection} on ${from}`
  return `${kind === 'move' ? 'move' : 'copy'} shard ${shard} of ${collection} from ${from} to ${to}`
}

function gaveUp(copies: readonly { readonly peer: string; readonly state: string }[]): string {
  const states = copies.map(({ peer, state }) => `${state} on peer ${peer}`).join(', ')
  return `the cluster gave the transfer up, its nodes' logs may tell why (the shard is ${states || 'nowhere'})`
}

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

function failed(what: string, why: string): UserError {
  return new UserError(`could not ${what}: ${why}`, {
    hint: 'What was moved so far stays moved, and no data is lost; the same command goes on from there.',
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}
