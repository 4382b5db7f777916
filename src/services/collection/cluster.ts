/** What a Qdrant says of its cluster, as far as making a collection asks. */
import type { QdrantApi } from '../../ingest/collection.ts'

/**
 * Members of the cluster, from the node that answers; 1 for a Qdrant that is none.
 * @throws Error while the cluster has no leader: it could agree on nothing
 */
export async function membersOf(api: QdrantApi, init: RequestInit): Promise<number> {
  const { data } = await api.clusterStatus({}, init)
  const status = data.result
  if (status === undefined || status.status === 'disabled') return 1
  // Raft has no peer 0: Qdrant tells a node that knows of no leader as one that follows it.
  if ((status.raft_info.leader ?? 0) === 0) throw new Error('its nodes have no leader yet')
  return Object.keys(status.peers).length
}

/** How many copies each shard has, and how many of them are active. */
export interface ShardCopies {
  readonly shard: number
  readonly copies: number
  readonly active: number
}

export async function copiesOf(api: QdrantApi, name: string, init: RequestInit): Promise<ShardCopies[]> {
  const { data } = await api.collectionClusterInfo({ collection_name: name }, init)
  const replicas = [...(data.result?.local_shards ?? []), ...(data.result?.remote_shards ?? [])]
  const shards = Map.groupBy(replicas, (replica) => replica.shard_id)
  return [...shards]
    .map(([shard, of]) => ({
      shard,
      copies: of.length,
      active: of.filter(({ state }) => state === 'Active').length,
    }))
    .toSorted((a, b) => a.shard - b.shard)
}
