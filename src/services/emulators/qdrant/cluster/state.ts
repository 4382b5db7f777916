import type { CollectionConfig } from './collection-config.ts'
import type { PeerId } from './peer.ts'

/** What a cluster agrees on: plain JSON, changed only by `apply`. */
export interface ClusterState {
  peers: Record<PeerId, PeerState>
  /** How many peers have ever joined. */
  joined: number
  collections: Record<string, CollectionState>
  aliases: Record<string, string>
  /** The latest proposals and how they ended, so that one that is sent twice counts once. */
  proposals: { id: string; error: { status: number; message: string } | null }[]
}

export interface PeerState {
  uri: string
  /** 0 for the first peer: the lower, the sooner it stands for leader. */
  ordinal: number
  /** Whether it counts for majorities; a peer that is joining does not yet. */
  voter: boolean
}

export interface CollectionState {
  name: string
  uuid: string
  config: CollectionConfig
  shards: Record<number, ShardState>
  /** Field → its schema as it was given, and the name of its type. */
  payloadIndexes: Record<string, { type: string; params: unknown }>
  transfers: Transfer[]
}

export type ShardKey = string | number

export interface ShardState {
  key: ShardKey | null
  replicas: Record<PeerId, ReplicaState>
}

export const replicaStates = ['Active', 'Dead', 'Partial', 'Recovery', 'Initializing'] as const
export type ReplicaState = (typeof replicaStates)[number]

export const transferMethods = ['stream_records', 'snapshot', 'wal_delta'] as const
export type TransferMethod = (typeof transferMethods)[number]

export interface Transfer {
  shard: number
  from: PeerId
  to: PeerId
  /** Whether the source keeps its replica. */
  sync: boolean
  method: TransferMethod
  /** Whether the target had a replica before: it is then Dead, not gone, when the transfer is given up. */
  hadReplica: boolean
}

export const emptyState = (): ClusterState => ({
  peers: {},
  joined: 0,
  collections: {},
  aliases: {},
  proposals: [],
})

/** Peers that count for majorities, those that stand for leader first in front. */
export function votersOf(state: ClusterState): PeerId[] {
  return Object.entries(state.peers)
    .filter(([, peer]) => peer.voter)
    .sort(([, a], [, b]) => a.ordinal - b.ordinal)
    .map(([id]) => id)
}

/** Shards in the order of their numbers. */
export function shardsOf(collection: CollectionState): [shard: number, state: ShardState][] {
  return Object.entries(collection.shards).map(([shard, state]) => [Number(shard), state])
}

export function activeReplicas(shard: ShardState): PeerId[] {
  return Object.entries(shard.replicas)
    .filter(([, state]) => state === 'Active')
    .map(([peer]) => peer)
}

export function textFieldsOf(collection: CollectionState): string[] {
  return Object.entries(collection.payloadIndexes)
    .filter(([, { type }]) => type === 'text')
    .map(([field]) => field)
}

/** A collection by its name or by an alias of it. */
export function resolveCollection(state: ClusterState, name: string): CollectionState | undefined {
  const own = (named: string) =>
    Object.hasOwn(state.collections, named) ? state.collections[named] : undefined
  return own(name) ?? (Object.hasOwn(state.aliases, name) ? own(state.aliases[name]!) : undefined)
}
