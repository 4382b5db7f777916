import type { Collection } from '../stack/stack.ts'

export interface VectorLayout {
  readonly nodes: number
  readonly shards: number
  readonly replication: number
}

/**
 * Where the shards of a collection go on so many nodes. The number of shards stays: it cannot change without a new
 * collection, and each more makes every query dearer. Replication rises until every node has the same share of the
 * searching, and to 2 where a node may be lost; it is never lowered below today's.
 */
export function layoutOf(collection: Collection, nodes: number, spare: number): VectorLayout {
  const { shards } = collection
  const least = Math.max(collection.replication, Math.ceil(nodes / shards), spare > 0 ? spare + 1 : 1)
  let replication = Math.min(nodes, least)
  while (replication < nodes && (shards * replication) % nodes !== 0) replication++
  return { nodes, shards, replication }
}

/** Raft and replicas survive the loss of a node only from three nodes on. */
export function fewestNodes(collection: Collection, spare: number): number {
  return spare > 0 ? Math.max(3, spare + 2) : Math.max(1, Math.min(collection.replication, 3))
}
