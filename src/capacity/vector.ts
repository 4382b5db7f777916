import type { Collection } from '../stack/stack.ts'

/** Bytes that all vectors of one copy of a collection need, with Qdrant's rule of thumb: 4 bytes a dimension, half as much again. */
export function quickMemoryBytes(points: number, dimensions: number): number {
  return points * dimensions * 4 * 1.5
}

/** Links of a node in the HNSW graph; Qdrant's default. */
const graphLinks = 16

/** A quantised copy comes on top of the vectors, at this share of their size. */
const quantised: Readonly<Record<Collection['quantization'], number>> = {
  none: 0,
  scalar: 1 / 4,
  product: 1 / 16,
  binary: 1 / 32,
}

/**
 * Bytes that a node needs to hold its share in memory: vectors (4 bytes a dimension), their quantised copy, the
 * graph (2m links of 4 bytes, with 1.2 for its upper layers), 31 bytes of ids a point, and 20 % on top.
 */
export function memoryPerNodeBytes(collection: Collection, nodes: number, replication: number): number {
  const { points, dimensions, quantization, shards } = collection
  const dense = dimensions * 4
  const perPoint = dense * (1 + quantised[quantization]) + 2 * graphLinks * 4 * 1.2 + 31
  const perShard = (points / shards) * perPoint * 1.2
  return Math.ceil(perShard * Math.ceil((shards * replication) / nodes))
}

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
