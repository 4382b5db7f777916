import type { PeerId } from './peer.ts'
import type { ClusterState, CollectionState } from './state.ts'

/**
 * Which peers get the replicas of each of `shards` new shards: each shard's on distinct peers, as many as
 * there are at most, and no peer with more than one replica of the collection above another; of equals the one
 * with the fewest replicas of all collections.
 */
export function placeShards(
  state: ClusterState,
  peers: readonly PeerId[],
  shards: number,
  replication: number,
  existing?: CollectionState,
): PeerId[][] {
  const load = replicasOf(peers, existing === undefined ? [] : [existing])
  const total = replicasOf(peers, Object.values(state.collections))
  const copies = Math.min(replication, peers.length)
  return Array.from({ length: shards }, (_, shard) => {
    // Rotating the order breaks ties differently for each shard: pairs of peers share few shards.
    const rotated = peers.map((_, at) => peers[(at + shard) % peers.length]!)
    const chosen = rotated
      .sort((a, b) => load.get(a)! - load.get(b)! || total.get(a)! - total.get(b)!)
      .slice(0, copies)
    for (const peer of chosen) load.set(peer, load.get(peer)! + 1)
    return chosen
  })
}

function replicasOf(peers: readonly PeerId[], collections: readonly CollectionState[]): Map<PeerId, number> {
  const count = new Map(peers.map((peer) => [peer, 0]))
  for (const { shards } of collections) {
    for (const { replicas } of Object.values(shards)) {
      for (const peer of Object.keys(replicas)) count.set(peer, (count.get(peer) ?? 0) + 1)
    }
  }
  return count
}
