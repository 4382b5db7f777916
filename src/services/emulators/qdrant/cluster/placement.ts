import type { PeerId } from './peer.ts'
import type { CollectionState } from './state.ts'

/**
 * Which peers get the replicas of each of `shards` new shards: each shard's on distinct peers, as many as
 * there are at most, and no peer with more than one replica above another.
 */
export function placeShards(
  peers: readonly PeerId[],
  shards: number,
  replication: number,
  existing?: CollectionState,
): PeerId[][] {
  const load = new Map(peers.map((peer) => [peer, 0]))
  for (const { replicas } of Object.values(existing?.shards ?? {})) {
    for (const peer of Object.keys(replicas)) load.set(peer, (load.get(peer) ?? 0) + 1)
  }
  const copies = Math.min(replication, peers.length)
  return Array.from({ length: shards }, (_, shard) => {
    // Rotating the order breaks ties differently for each shard: pairs of peers share few shards.
    const rotated = peers.map((_, at) => peers[(at + shard) % peers.length]!)
    const chosen = rotated.sort((a, b) => load.get(a)! - load.get(b)!).slice(0, copies)
    for (const peer of chosen) load.set(peer, load.get(peer)! + 1)
    return chosen
  })
}
