import type { Cluster } from '../cluster/cluster.ts'
import type { PeerClient } from '../cluster/peer-client.ts'
import type { PeerId } from '../cluster/peer.ts'
import { activeReplicas, type CollectionState } from '../cluster/state.ts'
import { QdrantError, serviceError } from '../errors.ts'
import { encodeOperation, type ShardOperation } from '../storage/operation.ts'
import type { LocalWrites } from './local-write.ts'
import { decodeWriteReply, encodeWrite, type ReplicaWrite, type WritePart } from './write-wire.ts'

export interface WriteOptions {
  readonly cluster: Cluster
  readonly client: PeerClient
  readonly local: LocalWrites
}

interface Ended {
  readonly shard: number
  readonly peer: PeerId
  readonly result: number | QdrantError
}

const longestMs = 60_000

/** Writes to every active replica of the shards concerned; replicas that fail while others succeed are given up. */
export class Writes {
  readonly #options: WriteOptions

  constructor(options: WriteOptions) {
    this.#options = options
  }

  /** Returns the number of the operation: the greatest of its shards'. */
  async write(collection: CollectionState, operations: ReadonlyMap<number, ShardOperation>): Promise<number> {
    const { cluster } = this.#options
    const groups = new Map<PeerId, WritePart[]>()
    for (const [shard, operation] of operations) {
      const encoded = encodeOperation(operation)
      const active = activeReplicas(collection.shards[shard]!)
      if (active.length === 0) {
        throw serviceError(`The replica set for shard ${shard} on peer ${cluster.self} has no active replica`)
      }
      for (const peer of active)
        groups.set(peer, [...(groups.get(peer) ?? []), { shard, operation: encoded }])
    }
    const ended = (
      await Promise.all([...groups].map(([peer, parts]) => this.#send(collection, peer, parts)))
    ).flat()
    await this.#settle(collection, [...operations.keys()], ended)
    return Math.max(0, ...ended.map(({ result }) => (typeof result === 'number' ? result : 0)))
  }

  async #send(collection: CollectionState, peer: PeerId, parts: readonly WritePart[]): Promise<Ended[]> {
    const { cluster, client, local } = this.#options
    const write: ReplicaWrite = { collection: collection.name, parts, from: null }
    try {
      const results =
        peer === cluster.self
          ? await local.apply(write)
          : decodeWriteReply(
              await client.call({
                uri: cluster.uriOf(peer),
                path: 'write',
                body: encodeWrite(write),
                timeoutMs: longestMs,
              }),
            )
      return parts.map(({ shard }, index) => ({ shard, peer, result: results[index]! }))
    } catch (error) {
      if (!(error instanceof QdrantError)) throw error
      return parts.map(({ shard }) => ({ shard, peer, result: error }))
    }
  }

  /** Throws where too few replicas took the write; gives up those that failed where enough did. */
  async #settle(
    collection: CollectionState,
    shards: readonly number[],
    ended: readonly Ended[],
  ): Promise<void> {
    const failed = ended.filter(
      (one): one is Ended & { result: QdrantError } => typeof one.result !== 'number',
    )
    if (failed.length === 0) return
    // What a replica refuses, all of them refuse: it is the client's to mend.
    const refused = failed.find(({ result }) => !result.transient || result.status === 507)
    if (refused !== undefined) throw refused.result
    for (const shard of shards) {
      const succeeded = ended.filter((one) => one.shard === shard && typeof one.result === 'number').length
      const replicas = Object.keys(collection.shards[shard]!.replicas).length
      const needed = Math.min(collection.config.params.write_consistency_factor, replicas)
      const failure = failed.find((one) => one.shard === shard)
      if (failure !== undefined && succeeded < needed) throw failure.result
    }
    // Nothing is acknowledged before nobody reads from a replica that has missed it.
    const replicas = failed.map(({ shard, peer }) => ({
      shard,
      peer,
      from: 'Active' as const,
      to: 'Dead' as const,
    }))
    await this.#options.cluster.propose({ kind: 'set_replicas', collection: collection.name, replicas })
  }
}
