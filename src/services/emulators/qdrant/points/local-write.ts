import type { Cluster } from '../cluster/cluster.ts'
import { missingCollection, QdrantError } from '../errors.ts'
import type { LocalShards } from '../storage/local-shards.ts'
import { decodeOperation, type ShardOperation } from '../storage/operation.ts'
import type { WritePart, WriteResult } from './write-wire.ts'

/** Counts of what was written, for the node's metrics. */
export interface WriteCounters {
  wrote(collection: string, vectorBytes: number, payloadBytes: number): void
}

export interface LocalWriteOptions {
  readonly cluster: Cluster
  readonly shards: LocalShards
  readonly counters: WriteCounters
  /** Passes an operation on to where the shard is being transferred; resolves when it was taken there. */
  readonly forward: (collection: string, shard: number, operation: Buffer) => Promise<void> | undefined
}

/** Operations on replicas of this node. */
export class LocalWrites {
  readonly #options: LocalWriteOptions

  constructor(options: LocalWriteOptions) {
    this.#options = options
  }

  /** Applies each to its shard, in order; what one shard refuses does not keep the others from theirs. */
  async apply(collectionName: string, parts: readonly WritePart[]): Promise<WriteResult[]> {
    const collection = this.#options.cluster.state.collections[collectionName]
    if (collection === undefined) throw missingCollection(collectionName)
    const forwarded: Promise<void>[] = []
    const results = parts.map(({ shard, operation }): WriteResult => {
      try {
        const decoded = decodeOperation(operation)
        const number = this.#options.shards.get(collection, shard).apply(decoded)
        this.#count(collectionName, decoded, operation.length)
        const passed = this.#options.forward(collectionName, shard, operation)
        if (passed !== undefined) forwarded.push(passed)
        return number
      } catch (error) {
        if (error instanceof QdrantError) return error
        throw error
      }
    })
    await Promise.all(forwarded)
    return results
  }

  #count(collection: string, operation: ShardOperation, bytes: number): void {
    const vectorBytes =
      'points' in operation ? operation.points.reduce((sum, { vector }) => sum + vector.byteLength, 0) : 0
    this.#options.counters.wrote(collection, vectorBytes, bytes - vectorBytes)
  }
}
