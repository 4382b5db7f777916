import { join } from 'node:path'
import { applyProposal } from './cluster/apply.ts'
import { Cluster } from './cluster/cluster.ts'
import { openConsensusStore, type ConsensusMemory } from './cluster/consensus-store.ts'
import { PeerClient } from './cluster/peer-client.ts'
import { Recovery } from './cluster/recovery.ts'
import { Transfers } from './cluster/transfers.ts'
import { resolveCollection, type CollectionState } from './cluster/state.ts'
import type { QdrantConfig } from './config.ts'
import { Counters } from './counters.ts'
import { missingCollection } from './errors.ts'
import { LocalWrites } from './points/local-write.ts'
import { Reads } from './points/read.ts'
import { Writes } from './points/write.ts'
import { largestShard } from './search/capacity.ts'
import { LocalShards } from './storage/local-shards.ts'
import { startTiming, type SearchTiming } from './timing.ts'

/** How long a node that has come back lets requests wait for what its cluster has agreed on meanwhile. */
const catchUpMs = 3000

/** One node: its replicas, its membership of the cluster, and what clients ask of it. */
export interface QdrantNode {
  readonly config: QdrantConfig
  readonly startedAt: Date
  readonly cluster: Cluster
  readonly client: PeerClient
  readonly shards: LocalShards
  readonly transfers: Transfers
  readonly timing: SearchTiming
  readonly counters: Counters
  readonly reads: Reads
  readonly writes: Writes
  readonly localWrites: LocalWrites
  /** Whether it knows what is agreed on and has its replicas up to date; once true, always true. */
  ready(): boolean
  /** Resolves when this node knows what is agreed on, or need not be waited for any longer. */
  caughtUp(): Promise<void>
  /** By name or alias; throws Qdrant's error for what does not exist. */
  collection(name: string): CollectionState
  close(): Promise<void>
}

/** Opens the data folder and joins the cluster; `uri`: where other nodes reach this one. */
export async function startNode(config: QdrantConfig, uri: string): Promise<QdrantNode> {
  const timing = await startTiming(config.emulation, config.seed, config.logFile)
  const client = new PeerClient(config.clusterToken ?? '')
  const store = openConsensusStore(config.dataFolder, compacted)
  const cluster = new Cluster({ store, client, uri, bootstrap: config.cluster ? config.bootstrap : null })
  const counters = new Counters()
  const shards = new LocalShards({
    folder: join(config.dataFolder, 'collections'),
    self: cluster.self,
    limit: (dimensions) => config.pointsLimit ?? largestShard(config.emulation, dimensions),
  })
  const transfers = new Transfers({ cluster, client, shards })
  const { self, state } = cluster
  const localWrites = new LocalWrites({ cluster, shards, counters, transfers })
  const follow = () => {
    for (const name of Object.keys(state.collections)) counters.exists(name)
    shards.follow(state)
    transfers.follow()
  }
  follow()
  shards.sweep()
  cluster.onApplied(follow)
  const recovery = new Recovery(cluster, client)
  let wasReady = false

  return {
    config,
    startedAt: new Date(),
    cluster,
    client,
    shards,
    transfers,
    timing,
    counters,
    reads: new Reads({ cluster, client, shards, timing, counters, seed: config.seed }),
    writes: new Writes({ cluster, client, local: localWrites }),
    localWrites,
    ready: () => {
      const ownActive = () =>
        Object.values(state.collections).every((collection) =>
          Object.values(collection.shards).every(({ replicas }) => (replicas[self] ?? 'Active') === 'Active'),
        )
      return (wasReady ||= cluster.caughtUp && ownActive())
    },
    caughtUp: async () => {
      if (!cluster.caughtUp) await cluster.until(() => cluster.caughtUp, catchUpMs)
    },
    collection: (name) => {
      const found = resolveCollection(state, name)
      if (found === undefined) throw missingCollection(name)
      return found
    },
    close: async () => {
      recovery.close()
      cluster.close()
      shards.close()
      await client.close()
      await timing.close()
    },
  }
}

/** What is agreed on becomes a snapshot: the log does not grow from start to start. */
function compacted(memory: ConsensusMemory): ConsensusMemory {
  const state = structuredClone(memory.snapshot.state)
  const agreed = memory.entries.filter(({ index }) => index <= memory.commit)
  for (const { proposal } of agreed) applyProposal(state, proposal)
  const last = agreed.at(-1)
  if (last === undefined) return memory
  return {
    ...memory,
    snapshot: { index: last.index, term: last.term, state },
    entries: memory.entries.filter(({ index }) => index > last.index),
  }
}
