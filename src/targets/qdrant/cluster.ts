/** A Qdrant cluster as its REST shows it, and the changes that a target makes to it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { type NodeAddress, answered, call, callMs, firstOf, persistently } from './call.ts'
import type { Arrival, ShardCopy } from './placement.ts'

export interface Topology {
  /** Ids of peers by the names of nodes. They exceed 2^53, so they are text. */
  readonly peers: Readonly<Record<string, string>>
  readonly copies: readonly ShardCopy[]
  /** Copies on their way, which the cluster itself brings to their end. */
  readonly arrivals: readonly Arrival[]
  /** Shards by collection. */
  readonly shards: Readonly<Record<string, number>>
}

const pollMs = 200
/** A leader is chosen, and a node that crashed is back, within this. */
const patienceMs = 60_000

const peerId = z.coerce.string()
const clusterAnswer = z.object({
  result: z.object({
    peers: z.record(z.string(), z.object({ uri: z.string() })).default({}),
    raft_info: z.object({ term: z.number(), commit: z.number() }).default({ term: 0, commit: 0 }),
  }),
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
    shard_transfers: z.array(
      z.object({ shard_id: z.number(), from: peerId, to: peerId, sync: z.boolean().default(true) }),
    ),
  }),
})

/** A node by its name, and how the others reach it. */
export type Member = Pick<NodeAddress, 'name' | 'peerUrl'>

/**
 * As the node knows it that is furthest: one that was taken out knows an older state. Throws when none answers.
 * @param members all nodes that have names, where not each of them can be asked
 */
export async function readTopology(
  nodes: readonly NodeAddress[],
  timeoutMs: number = callMs,
  members: readonly Member[] = nodes,
): Promise<Topology> {
  const asked = await Promise.all(
    nodes.map(async (node) => {
      const raft = await clusterOf(node, timeoutMs).then(
        ({ raft_info: { term, commit } }) => ({ term, commit }),
        () => unheard,
      )
      return { node, raft }
    }),
  )
  const ordered = asked.toSorted((a, b) => byRaft(a.raft, b.raft)).map(({ node }) => node)
  return await firstOf(ordered, async (node) => await topologyOf(node, members, timeoutMs))
}

export interface RaftPosition {
  readonly term: number
  /** Index of the last entry that is agreed on. */
  readonly commit: number
  /** Absent where it is not asked for; null: it knows of none. */
  readonly leader?: string | null
}
const unheard: RaftPosition = { term: -1, commit: -1 }

/**
 * Who knows most of what was agreed on comes first. By the commit before the term: whoever has committed more has all
 * that the others have, but any node that hears nobody raises its own term with each election that it cannot win
 * (Qdrant asks for no trial votes), as one does that was cut off, or was down when it was taken out. Of several that
 * know as much, one that has a leader.
 */
export function byRaft(a: RaftPosition, b: RaftPosition): number {
  const led = ({ leader }: RaftPosition): number => Number(leader !== null)
  return b.commit - a.commit || led(b) - led(a) || b.term - a.term
}

async function clusterOf(node: NodeAddress, timeoutMs: number) {
  return answered(clusterAnswer, await call(node, 'GET', '/cluster', { timeoutMs })).result
}

async function topologyOf(
  asked: NodeAddress,
  members: readonly Member[],
  timeoutMs: number,
): Promise<Topology> {
  const result = await clusterOf(asked, timeoutMs)
  const peers = Object.fromEntries(
    members.flatMap(({ name, peerUrl }) => {
      const found = Object.entries(result.peers).find(
        ([, { uri }]) => peerUrl !== null && new URL(uri).host === new URL(peerUrl).host,
      )
      return found === undefined ? [] : [[name, found[0]] as const]
    }),
  )
  const names = new Map(Object.entries(peers).map(([name, id]) => [id, name]))
  const nameOf = (peer: string): string => names.get(peer) ?? `peer ${peer}`
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
        node: nameOf(peer),
        active: state === 'Active',
      })),
    ),
    arrivals: collections.flatMap(([collection, found]) =>
      found.moving.map(({ shard, from, to, stays }) => ({
        collection,
        shard,
        from: nameOf(from),
        to: nameOf(to),
        stays,
      })),
    ),
  }
}

export interface CollectionShards {
  readonly count: number
  readonly copies: readonly { readonly shard: number; readonly peer: string; readonly state: string }[]
  /** Shards under way from one peer to another. `stays`: also where it was. */
  readonly moving: readonly {
    readonly shard: number
    readonly from: string
    readonly to: string
    readonly stays: boolean
  }[]
}

export async function shardsOf(
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
    moving: result.shard_transfers.map(({ shard_id: shard, from, to, sync: stays }) => ({
      shard,
      from,
      to,
      stays,
    })),
  }
}

export interface RemovalOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Takes a node that holds nothing any more out of the cluster, once what it still sends has arrived. */
export async function removePeer(
  name: string,
  nodes: readonly NodeAddress[],
  options: RemovalOptions,
): Promise<void> {
  const { peers } = await readTopology(nodes)
  const peer = peers[name]
  // It never joined, or is out already.
  if (peer === undefined) return
  const others = nodes.filter((node) => node.name !== name)
  await removePeerById(peer, name, others, options)
}

/** As `removePeer`, by its id; `name`: for messages. `nodes`: not the one that goes. */
export async function removePeerById(
  peer: string,
  name: string,
  nodes: readonly NodeAddress[],
  { timeoutMs, signal }: RemovalOptions,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  const patience = { patienceMs, signal }
  try {
    while (await persistently(nodes, async (node) => await sends(node, peer), patience)) {
      if (performance.now() > deadlineMs) throw new Error('shards are still on their way from it')
      await sleep(pollMs, undefined, { signal })
    }
    let asked = 0
    await persistently(
      nodes,
      async (node) => {
        // The answer to the one before may have been lost.
        if (asked++ > 0 && !(peer in (await clusterOf(node, callMs)).peers)) return
        await call(node, 'DELETE', `/cluster/peer/${peer}`)
      },
      patience,
    )
  } catch (error) {
    if (signal.aborted) throw error
    throw new UserError(`could not take ${name} out of the cluster: ${messageOf(error)}`, {
      hint: 'What was moved so far stays moved, and no data is lost; the same command goes on from there.',
      exitCode: ExitCode.unhealthy,
      code: 'unhealthy',
      cause: error,
    })
  }
}

/** Whether a shard is on its way from a peer. */
async function sends(node: NodeAddress, peer: string): Promise<boolean> {
  const listed = answered(collectionsAnswer, await call(node, 'GET', '/collections'))
  const found = await Promise.all(
    listed.result.collections.map(async ({ name }) => await shardsOf(node, name, callMs)),
  )
  return found.some(({ moving }) => moving.some(({ from }) => from === peer))
}
