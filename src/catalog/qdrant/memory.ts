/** Memory of a Qdrant cluster, from what is declared. */
import type { Collection } from '../../stack/stack.ts'

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
