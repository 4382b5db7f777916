import type { TransferName } from './change.ts'
import type { Cluster } from './cluster.ts'
import type { PeerClient } from './peer-client.ts'
import { activeReplicas, shardsOf, type CollectionState, type TransferMethod } from './state.ts'

const lookMs = 250
/** Transfers into one node at a time, as Qdrant limits them. */
const incomingLimit = 2
/** Silence of a peer after which a leader gives up the transfers that it is part of. */
const silenceMs = 5000
/** How a replica that was away is brought up to date: the default that Qdrant 1.18 was seen to use. */
export const defaultMethod: TransferMethod = 'snapshot'

/** Brings dead replicas of this node back, and, while it leads, gives up transfers that cannot go on. */
export class Recovery {
  readonly #cluster: Cluster
  readonly #client: PeerClient
  readonly #timer: NodeJS.Timeout
  #looking = false

  constructor(cluster: Cluster, client: PeerClient) {
    this.#cluster = cluster
    this.#client = client
    this.#timer = setInterval(() => {
      if (this.#looking || !cluster.caughtUp) return
      this.#looking = true
      // What was refused, or found no majority, is looked at again in time.
      this.#look()
        .catch(() => undefined)
        .finally(() => (this.#looking = false))
    }, lookMs)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    for (const collection of Object.values(this.#cluster.state.collections)) {
      await this.#recover(collection)
      await this.#giveUp(collection)
    }
  }

  async #recover(collection: CollectionState): Promise<void> {
    const { self, state } = this.#cluster
    for (const [shard, { replicas }] of shardsOf(collection)) {
      if (replicas[self] !== 'Dead') continue
      const collections = Object.values(state.collections)
      const incoming = collections
        .flatMap(({ transfers }) => transfers)
        .filter(({ to }) => to === self).length
      if (incoming >= incomingLimit) return
      const from = await this.#reachable(activeReplicas(collection.shards[shard]!))
      if (from === undefined) continue
      const transfer = { shard, from, to: self, sync: true, method: defaultMethod }
      await this.#cluster.propose({ kind: 'start_transfer', collection: collection.name, transfer })
    }
  }

  async #reachable(peers: readonly string[]): Promise<string | undefined> {
    for (const peer of peers) {
      const call = { uri: this.#cluster.uriOf(peer), path: 'hello', timeoutMs: 1000 }
      const here = await this.#client.json(call, { peer: this.#cluster.self, addresses: {} }).then(
        () => true,
        () => false,
      )
      if (here) return peer
    }
    return undefined
  }

  async #giveUp(collection: CollectionState): Promise<void> {
    const { consensus } = this.#cluster
    if (consensus.role !== 'Leader') return
    const silent = (peer: string) => !consensus.heardWithin(peer, silenceMs)
    for (const { shard, from, to } of collection.transfers) {
      if (!silent(from) && !silent(to)) continue
      const transfer: TransferName = { shard, from, to }
      await this.#cluster.propose({ kind: 'abort_transfer', collection: collection.name, transfer })
    }
  }
}
