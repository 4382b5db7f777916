import { holdsShards } from '../cluster/apply.ts'
import { shardsOf, type CollectionState } from '../cluster/state.ts'
import { processMetrics } from './process-metrics.ts'
import { endpointMetrics } from './endpoint-metrics.ts'
import { Exposition } from './exposition.ts'
import type { ApiRequest } from './request.ts'
import { sortedNames } from './collections.ts'
import { version } from './service.ts'

/** `/metrics`: the names, labels and order of Qdrant 1.18. */
export function metricsText({ node, stats }: ApiRequest): string {
  const { cluster, shards, counters, config } = node
  const { consensus, state, self } = cluster
  const out = new Exposition()
  const collections = sortedNames(state.collections).map((name) => state.collections[name]!)
  const perCollection = (name: string, help: string, value: (collection: CollectionState) => number): void =>
    out.gauge(
      name,
      help,
      collections.map((collection) => [{ id: collection.name }, value(collection)]),
    )
  /** Of the replicas on this node. */
  const vectorsOf = (collection: CollectionState) =>
    shardsOf(collection).reduce(
      (sum, [shard]) => sum + (shards.find(collection, shard)?.points.count ?? 0),
      0,
    )
  const held = collections.filter((collection) => holdsShards(collection, self))
  const transferring = (direction: 'from' | 'to') => (collection: CollectionState) =>
    collection.transfers.filter((transfer) => transfer[direction] === self).length

  out.gauge('app_info', 'information about qdrant server', [[{ name: 'qdrant', version }, 1]])
  out.gauge('app_status_recovery_mode', 'features enabled in qdrant server', 0)
  out.gauge('collections_total', 'number of collections', collections.length)
  const vectors = collections.reduce((sum, collection) => sum + vectorsOf(collection), 0)
  out.gauge('collections_vector_total', 'total number of vectors in all collections', vectors)
  out.gauge(
    'collection_vectors',
    'amount of vectors grouped by vector name',
    held.map((collection) => [{ collection: collection.name, vector: '' }, vectorsOf(collection)]),
  )
  out.gauge(
    'collection_indexed_only_excluded_points',
    'amount of points excluded in indexed_only requests',
    held.map((collection) => [{ id: collection.name, vector: '' }, 0]),
  )
  const replicas = collections.flatMap((collection) =>
    shardsOf(collection).map(([, shard]) => Object.values(shard.replicas)),
  )
  const active = replicas.map((states) => states.filter((one) => one === 'Active').length)
  const dead = replicas.flat().filter((one) => one !== 'Active').length
  out.gauge(
    'collection_active_replicas_min',
    'minimum number of active replicas across all shards',
    Math.min(...active, ...(active.length === 0 ? [0] : [])),
  )
  out.gauge(
    'collection_active_replicas_max',
    'maximum number of active replicas across all shards',
    Math.max(0, ...active),
  )
  perCollection(
    'collection_running_optimizations',
    'number of currently running optimization tasks per collection',
    () => 0,
  )
  perCollection('collection_points', 'approximate amount of points per collection', vectorsOf)
  out.gauge('collection_dead_replicas', 'total amount of shard replicas in non-active state', dead)
  for (const [kind, name, help] of [
    ['gauge', 'snapshot_creation_running', 'amount of snapshot creations that are currently running'],
    ['gauge', 'snapshot_recovery_running', 'amount of snapshot recovery operations currently running'],
    ['counter', 'snapshot_created_total', 'total amount of snapshots created'],
  ] as const) {
    out.family(
      kind,
      name,
      help,
      counters.everExisted().map((id) => [{ id }, 0]),
    )
  }
  perCollection(
    'collection_shard_transfer_incoming',
    'incoming shard transfers currently running',
    transferring('to'),
  )
  perCollection(
    'collection_shard_transfer_outgoing',
    'outgoing shard transfers currently running',
    transferring('from'),
  )
  perCollection(
    'collection_update_queue_length',
    'number of pending operations in update queues per collection',
    () => 0,
  )
  perCollection(
    'collection_update_queue_deferred_points',
    "number of points currently hidden during read operations as they're not yet optimized",
    () => 0,
  )
  out.gauge('cluster_enabled', 'is cluster support enabled', config.cluster ? 1 : 0)
  if (config.cluster) {
    out.gauge('cluster_peers_total', 'total number of cluster peers', Object.keys(state.peers).length)
    out.counter('cluster_term', 'current cluster term', consensus.term)
    out.counter('cluster_commit', 'index of last committed (finalized) operation cluster peer is aware of', [
      [{ peer_id: self }, consensus.commit],
    ])
    out.gauge(
      'cluster_pending_operations_total',
      'total number of pending operations for cluster peer',
      consensus.pending,
    )
    out.gauge('cluster_voter', 'is cluster peer a voter or learner', consensus.isVoter ? 1 : 0)
    out.counter(
      'cluster_last_update_timestamp_seconds',
      'unix timestamp of last update',
      Math.floor(Date.now() / 1000),
    )
    out.gauge('cluster_working_state', 'working state of the cluster', [
      [{ state: 'working' }, 1],
      [{ state: 'stopped' }, 0],
    ])
  }
  endpointMetrics(out, stats)
  hardwareMetrics(out, node.counters.hardware())
  processMetrics(out)
  return out.text
}

type Hardware = ReturnType<ApiRequest['node']['counters']['hardware']>

function hardwareMetrics(out: Exposition, hardware: Hardware): void {
  if (hardware.length === 0) return
  const family = (name: string, help: string, value: (use: Hardware[number][1]) => number): void =>
    out.counter(
      `collection_hardware_metric_${name}`,
      help,
      hardware.map(([id, use]) => [{ id }, value(use)]),
    )
  family('cpu', 'CPU measurements of a collection', ({ cpu }) => cpu)
  family('payload_io_read', 'Total IO payload read metrics of a collection', () => 0)
  family('payload_index_io_read', 'Total IO payload index read metrics of a collection', () => 0)
  family('payload_index_io_write', 'Total IO payload index write metrics of a collection', () => 0)
  family(
    'payload_io_write',
    'Total IO payload write metrics of a collection',
    ({ payloadWritten }) => payloadWritten,
  )
  family('vector_io_read', 'Total IO vector read metrics of a collection', () => 0)
  family(
    'vector_io_write',
    'Total IO vector write metrics of a collection',
    ({ vectorWritten }) => vectorWritten,
  )
}
