import { badRequest, formatError, invalidBody, standaloneMode } from '../errors.ts'
import { holdsShards, peerHasShards } from '../cluster/apply.ts'
import { checkDrop, findTransfer, missingTransfer } from '../cluster/apply-transfer.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { PeerId } from '../cluster/peer.ts'
import { defaultMethod } from '../cluster/recovery.ts'
import { shardsOf, transferMethods, type CollectionState, type TransferMethod } from '../cluster/state.ts'
import type { QdrantNode } from '../node.ts'
import { object, oneOf, optional, peerId, required, unsigned, type Fields } from '../wire/fields.ts'
import { rawNumber } from '../wire/json.ts'
import { json, type Answer } from './answer.ts'
import { createShardKey, deleteShardKey } from './collections.ts'
import { collectionName, flagParam, jsonOf, type ApiRequest } from './request.ts'
import { route, type Route } from './router.ts'

export const clusterRoutes: readonly Route[] = [
  route('GET', '/cluster', 'read', ({ node }) => json(clusterStatus(node))),
  route('POST', '/cluster/recover', 'write', ({ node }) => json(clustered(node) !== null)),
  route('DELETE', '/cluster/peer/{peer_id}', 'write', removePeer),
  route('GET', '/collections/{collection_name}/cluster', 'read', collectionCluster),
  route('POST', '/collections/{collection_name}/cluster', 'write', changeCluster),
]

/** A time with more digits than a `Date` holds, as Qdrant prints it. */
export function preciseTime(atMs: number): string {
  const fraction = Math.round((atMs % 1) * 1e6)
  return `${new Date(Math.floor(atMs)).toISOString().slice(0, -1)}${String(Math.min(fraction, 999_999)).padStart(6, '0')}Z`
}

const preciseNow = (): string => preciseTime(performance.timeOrigin + performance.now())

export function peersOf(
  { state }: Cluster,
  uriOf: (peer: PeerId) => string,
): Record<PeerId, { uri: string }> {
  return Object.fromEntries(Object.keys(state.peers).map((peer) => [peer, { uri: uriOf(peer) }]))
}

/** With the slash that Qdrant's URIs end in. */
export const shownUri = (cluster: Cluster, peer: PeerId): string => new URL(cluster.uriOf(peer)).href

export function raftInfo({ consensus }: Cluster): Fields {
  return {
    term: consensus.term,
    commit: consensus.commit,
    pending_operations: consensus.pending,
    // As Qdrant tells it: raft has no peer 0.
    leader: consensus.leader === null ? 0 : rawNumber(consensus.leader),
    role: consensus.role,
    is_voter: consensus.isVoter,
  }
}

function clusterStatus({ cluster, client, config }: QdrantNode): Fields {
  if (!config.cluster) return { status: 'disabled' }
  const failures = [...client.failures].map(([uri, { count, latestError, latestMs }]) => [
    new URL(uri).href,
    { count, latest_error: latestError, latest_error_timestamp: preciseTime(latestMs) },
  ])
  return {
    status: 'enabled',
    peer_id: rawNumber(cluster.self),
    peers: peersOf(cluster, (peer) => shownUri(cluster, peer)),
    raft_info: raftInfo(cluster),
    consensus_thread_status: { consensus_thread_status: 'working', last_update: preciseNow() },
    message_send_failures: Object.fromEntries(failures),
  }
}

function clustered(node: QdrantNode): Cluster {
  if (!node.config.cluster) throw standaloneMode()
  return node.cluster
}

async function removePeer({ node, params, query }: ApiRequest): Promise<Answer> {
  const peer = params['peer_id'] ?? ''
  if (!/^\d+$/.test(peer)) throw formatError(`can not parse ${JSON.stringify(peer)} to a u64`)
  const { state } = node.cluster
  const force = flagParam(query, 'force')
  const holds = Object.values(state.collections).some((collection) => holdsShards(collection, peer))
  if (!force && holds) throw peerHasShards(peer)
  await clustered(node).propose({ kind: 'remove_peer', peer, force })
  return json(true)
}

function collectionCluster(request: ApiRequest): Answer {
  const { cluster, shards, transfers } = request.node
  const collection = request.node.collection(collectionName(request))
  const keyOf = (shard: number) => {
    const { key } = collection.shards[shard]!
    return key === null ? {} : { shard_key: key }
  }
  const local: unknown[] = []
  const remote: unknown[] = []
  for (const [shard, { replicas }] of shardsOf(collection)) {
    for (const [peer, state] of Object.entries(replicas)) {
      if (peer === cluster.self) {
        const points = shards.find(collection, shard)?.points.count ?? 0
        local.push({ shard_id: shard, ...keyOf(shard), points_count: points, state })
      } else remote.push({ shard_id: shard, ...keyOf(shard), peer_id: rawNumber(peer), state })
    }
  }
  return json({
    peer_id: rawNumber(cluster.self),
    shard_count: Object.keys(collection.shards).length,
    local_shards: local,
    remote_shards: remote,
    shard_transfers: collection.transfers.map((transfer) => ({
      shard_id: transfer.shard,
      from: rawNumber(transfer.from),
      to: rawNumber(transfer.to),
      sync: transfer.sync,
      method: transfer.method,
      comment: transfers.comment(collection.name, transfer),
    })),
  })
}

async function changeCluster(request: ApiRequest): Promise<Answer> {
  const body = object(jsonOf(request))
  const [kind = ''] = Object.keys(body)
  const { node } = request
  const collection = node.collection(collectionName(request))
  const fields = kind === '' ? {} : object(body[kind])
  switch (kind) {
    case 'move_shard':
    case 'replicate_shard': {
      const { shard, from, to } = transferName(fields, kind)
      checkShard(collection, shard)
      // The order in which Qdrant looks: where to, then where from.
      checkPeer(node, to)
      checkPeer(node, from)
      const method = optional(fields['method'], methodOf) ?? defaultMethod
      const transfer = { shard, from, to, sync: kind === 'replicate_shard', method }
      await clustered(node).propose({ kind: 'start_transfer', collection: collection.name, transfer })
      return json(true)
    }
    case 'abort_transfer':
    case 'restart_transfer': {
      const name = transferName(fields, kind)
      const transfer = findTransfer(collection, name)
      if (transfer === undefined) throw missingTransfer(collection.name, name)
      await clustered(node).propose({ kind: 'abort_transfer', collection: collection.name, transfer: name })
      if (kind === 'abort_transfer') return json(true)
      const again = { ...name, sync: transfer.sync, method: methodOf(required(fields, 'method')) }
      await clustered(node).propose({ kind: 'start_transfer', collection: collection.name, transfer: again })
      return json(true)
    }
    case 'drop_replica': {
      const shard = unsigned(required(fields, 'shard_id'), 'u32')
      const peer = peerId(required(fields, 'peer_id'))
      checkShard(collection, shard)
      checkPeer(node, peer)
      checkDrop(collection, shard, peer)
      await clustered(node).propose({ kind: 'drop_replica', collection: collection.name, shard, peer })
      return json(true)
    }
    case 'create_sharding_key':
      return await createShardKey(request, fields)
    case 'drop_sharding_key':
      return await deleteShardKey(request, fields)
    case 'start_resharding':
    case 'abort_resharding':
      throw badRequest('resharding is only supported in Qdrant Cloud')
    default:
      throw formatError('data did not match any variant of untagged enum ClusterOperations')
  }
}

const methodOf = (value: unknown): TransferMethod => oneOf(value, transferMethods)

function transferName(fields: Fields, kind: string): { shard: number; from: PeerId; to: PeerId } {
  const shard = unsigned(required(fields, 'shard_id'), 'u32')
  const from = peerId(required(fields, 'from_peer_id'))
  const to = peerId(required(fields, 'to_peer_id'))
  if (from !== to) return { shard, from, to }
  throw invalidBody([
    [
      `${kind}.to_peer_id`,
      `cannot transfer shard to itself, "to_peer_id" must be different than ${from} in "from_peer_id"`,
    ],
  ])
}

function checkShard(collection: CollectionState, shard: number): void {
  if (collection.shards[shard] === undefined)
    throw badRequest(`Shard ${shard} of ${collection.name} does not exist`)
}

function checkPeer({ cluster }: QdrantNode, peer: PeerId): void {
  if (!Object.hasOwn(cluster.state.peers, peer)) throw badRequest(`Peer ${peer} does not exist`)
}
