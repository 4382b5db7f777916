import type { Cluster } from '../cluster/cluster.ts'
import type { PeerId } from '../cluster/peer.ts'
import type { CollectionState } from '../cluster/state.ts'
import { missingCollection, QdrantError } from '../errors.ts'
import type { LocalShards } from '../storage/local-shards.ts'
import { decodeOperation, type ShardOperation } from '../storage/operation.ts'
import { shardNotHere } from '../storage/shard.ts'
import type { ReplicaWrite, WritePart, WriteResult } from './write-wire.ts'

/** Counts of what was written, for the node's metrics. */
export interface WriteCounters {
  wrote(collection: string, vectorBytes: number, payloadBytes: number): void
}

export interface LocalWriteOptions {
  readonly cluster: Cluster
  readonly shards: LocalShards
  readonly counters: WriteCounters
  readonly transfers: Outgoing
}

/** The transfers out of this node. */
export interface Outgoing {
  /** Passes an operation on to where the shard is being transferred; resolves when it was taken there. */
  forward(collection: string, shard: number, operation: Buffer): Promise<void> | undefined
  /** Hands an operation over to where the shard went before; undefined when it went nowhere lately. */
  redirect(collection: string, shard: number, operation: Buffer): Promise<WriteResult> | undefined
}

/** Operations on replicas of this node. */
export class LocalWrites {
  readonly #options: LocalWriteOptions

  constructor(options: LocalWriteOptions) {
    this.#options = options
  }

  /** Applies each to its shard, in order; what one shard refuses does not keep the others from theirs. */
  async apply({ collection: name, parts, from }: ReplicaWrite): Promise<WriteResult[]> {
    const collection = this.#options.cluster.state.collections[name]
    if (collection === undefined) throw missingCollection(name)
    return await Promise.all(parts.map(async (part) => await this.#take(collection, part, from)))
  }

  /** Applies an operation before it first waits for anything: so the order of operations is kept. */
  async #take(
    collection: CollectionState,
    { shard, operation }: WritePart,
    from: PeerId | null,
  ): Promise<WriteResult> {
    const { transfers, shards } = this.#options
    const { name } = collection
    try {
      const decoded = decodeOperation(operation)
      const sources = this.#sourcesOf(collection, shard)
      const isSource = from !== null && sources.includes(from)
      // Only who transfers a shard to here may replace its content, and only once this node has heard of it:
      // until then the replica is none, or one that is about to be deleted.
      if (replaces(decoded) && !isSource) return shardNotHere(shard)
      // Meant for the replica that was here before, which has gone elsewhere and is now on its way back.
      if (sources.length > 0 && !isSource) {
        const redirected = transfers.redirect(name, shard, operation)
        if (redirected !== undefined) return await redirected
      }
      const number = shards.get(collection, shard).apply(decoded)
      this.#count(name, decoded, operation.length)
      // What comes from the source is there already: passed on, it would go round in a circle.
      if (!isSource) await transfers.forward(name, shard, operation)
      return number
    } catch (error) {
      if (error instanceof QdrantError) return error
      throw error
    }
  }

  /** The peers that a shard is being transferred from to here. */
  #sourcesOf({ transfers }: CollectionState, shard: number): PeerId[] {
    const { self } = this.#options.cluster
    return transfers.filter((one) => one.shard === shard && one.to === self).map(({ from }) => from)
  }

  #count(collection: string, operation: ShardOperation, bytes: number): void {
    const vectorBytes =
      'points' in operation ? operation.points.reduce((sum, { vector }) => sum + vector.byteLength, 0) : 0
    this.#options.counters.wrote(collection, vectorBytes, bytes - vectorBytes)
  }
}

/** Whether an operation is a step of a transfer: it puts another replica's content in place of this one's. */
function replaces({ kind }: ShardOperation): boolean {
  return kind === 'reset' || kind === 'continue' || kind === 'restore'
}
