import { availableParallelism, endianness, totalmem } from 'node:os'
import { createHash } from 'node:crypto'
import { shardsOf, type CollectionState, type ShardState } from '../cluster/state.ts'
import type { QdrantNode } from '../node.ts'
import type { Fields } from '../wire/fields.ts'
import { rawNumber, type RawNumber } from '../wire/json.ts'
import { float32Text } from '../wire/number-text.ts'
import { peersOf, preciseTime, raftInfo, shownUri } from './cluster.ts'
import { sortedNames } from './collections.ts'
import { memoryUse } from './process-metrics.ts'
import type { ApiRequest } from './request.ts'
import { version } from './service.ts'
import type { EndpointStats } from './stats.ts'

/** `/telemetry`, the deeper the higher `details_level` is: 0 to 3 and beyond. */
export function telemetry({ node, stats, query }: ApiRequest): Fields {
  const level = Number(query.get('details_level') ?? 0)
  const { state } = node.cluster
  const collections = sortedNames(state.collections).map((name) => state.collections[name]!)
  const memory = memoryUse()
  return {
    id: stableUuid(node.cluster.self),
    app: appTelemetry(node, level),
    collections: {
      number_of_collections: collections.length,
      ...(level < 1 ? {} : { collections: collections.map((one) => collectionTelemetry(node, one, level)) }),
      ...(level < 1 ? {} : { snapshots: node.counters.everExisted().map(noSnapshots) }),
    },
    cluster: clusterTelemetry(node, level),
    requests: {
      rest: {
        responses: Object.fromEntries(
          stats
            .endpoints()
            .map(([endpoint, statuses]) => [
              endpoint,
              Object.fromEntries([...statuses].map(([status, one]) => [status, durations(one)])),
            ]),
        ),
      },
      grpc: { responses: {} },
    },
    memory: {
      active_bytes: memory.active,
      allocated_bytes: memory.allocated,
      metadata_bytes: memory.metadata,
      resident_bytes: memory.resident,
      retained_bytes: memory.retained,
    },
    hardware: {
      collection_data: Object.fromEntries(
        node.counters.hardware().map(([collection, use]) => [
          collection,
          {
            cpu: use.cpu,
            payload_io_read: 0,
            payload_io_write: use.payloadWritten,
            payload_index_io_read: 0,
            payload_index_io_write: 0,
            vector_io_read: 0,
            vector_io_write: use.vectorWritten,
          },
        ]),
      ),
    },
    search_pool: { mode: 'high_io', high_cpu_threads: threadsOf(node), high_io_threads: 4 * threadsOf(node) },
  }
}

const threadsOf = ({ config: { emulation } }: QdrantNode): number =>
  'servers' in emulation ? emulation.servers : 1

function appTelemetry({ startedAt }: QdrantNode, level: number): Fields {
  return {
    name: 'qdrant',
    version,
    ...(level < 1
      ? {}
      : {
          features: {
            debug: false,
            service_debug_feature: false,
            recovery_mode: false,
            gpu: false,
            rocksdb: false,
            staging: false,
          },
          runtime_features: {
            all: false,
            incremental_hnsw_building: true,
            appendable_quantization: true,
            single_file_mmap_vector_storage: false,
          },
          low_memory_mode: 'disabled',
          hnsw_global_config: { healing_threshold: 0.3 },
          system: {
            distribution: process.platform,
            distribution_version: process.version,
            is_docker: false,
            cores: availableParallelism(),
            cpu_cores_used: single(process.cpuUsage().user / 1e6 / process.uptime()),
            ram_size: Math.round(totalmem() / 1024),
            disk_size: 0,
            cpu_flags: '',
            cpu_endian: endianness() === 'LE' ? 'little' : 'big',
          },
        }),
    startup: startedAt.toISOString(),
  }
}

function collectionTelemetry(node: QdrantNode, collection: CollectionState, level: number): Fields {
  const { config } = collection
  if (level < 2) {
    const vectors = shardsOf(collection).reduce(
      (sum, [shard]) => sum + (node.shards.find(collection, shard)?.points.count ?? 0),
      0,
    )
    return { vectors, optimizers_status: 'ok', params: config.params }
  }
  return {
    id: collection.name,
    init_time_ms: 0,
    config: { ...config, uuid: collection.uuid },
    ...(level < 3
      ? {}
      : { shards: shardsOf(collection).map(([id, shard]) => shardTelemetry(node, collection, id, shard)) }),
    transfers: collection.transfers.map(({ shard, from, to, sync, method }) => ({
      shard_id: shard,
      from: rawNumber(from),
      to: rawNumber(to),
      sync,
      method,
    })),
    resharding: [],
  }
}

function shardTelemetry(
  node: QdrantNode,
  collection: CollectionState,
  id: number,
  { key, replicas }: ShardState,
): Fields {
  const lastResponded = node.startedAt.toISOString()
  const nothing = { count: 0, total_duration_micros: 0, last_responded: lastResponded }
  const local = node.shards.find(collection, id)
  const remote = Object.keys(replicas).filter((peer) => peer !== node.cluster.self)
  return {
    id,
    key,
    local:
      local === undefined
        ? null
        : {
            variant_name: 'local shard',
            status: 'green',
            total_optimized_points: 0,
            vectors_size_bytes: local.points.count * local.points.vectors.dimensions * 4,
            payloads_size_bytes: 0,
            num_points: local.points.count,
            num_vectors: local.points.count,
            num_vectors_by_name: { '': local.points.count },
            optimizations: { status: 'ok', optimizations: nothing },
            async_scorer: false,
            update_queue: { length: 0, op_num: local.operationNumber },
          },
    remote: remote.map((peer) => ({
      shard_id: id,
      peer_id: rawNumber(peer),
      searches: nothing,
      updates: nothing,
    })),
    replicate_states: replicas,
    partial_snapshot: { ongoing_create_snapshot_requests: 0, is_recovering: false, recovery_timestamp: 0 },
  }
}

function clusterTelemetry({ cluster, config }: QdrantNode, level: number): Fields {
  if (!config.cluster || level < 1) return { enabled: config.cluster }
  const { leader: _leader, ...info } = raftInfo(cluster)
  const peers = Object.keys(cluster.state.peers)
  return {
    enabled: true,
    status: {
      number_of_peers: peers.length,
      ...info,
      peer_id: rawNumber(cluster.self),
      consensus_thread_status: { consensus_thread_status: 'working', last_update: preciseTime(Date.now()) },
    },
    ...(level < 2
      ? {}
      : {
          config: {
            grpc_timeout_ms: 60_000,
            p2p: { connection_pool_size: 2 },
            consensus: { max_message_queue_size: 100, tick_period_ms: 100, bootstrap_timeout_sec: 15 },
          },
          peers: peersOf(cluster, (peer) => shownUri(cluster, peer)),
        }),
    ...(level < 3 ? {} : { peer_metadata: Object.fromEntries(peers.map((peer) => [peer, { version }])) }),
    resharding_enabled: false,
  }
}

const noSnapshots = (id: string): Fields => ({
  id,
  running_snapshots: 0,
  running_snapshot_recovery: 0,
  total_snapshot_creations: 0,
})

function durations({ count, totalMicros, minMicros, maxMicros, lastAt }: EndpointStats): Fields {
  return {
    count,
    avg_duration_micros: single(totalMicros / count),
    min_duration_micros: single(minMicros),
    max_duration_micros: single(maxMicros),
    total_duration_micros: totalMicros,
    last_responded: lastAt.toISOString(),
  }
}

/** As Qdrant prints what it holds in single precision. */
const single = (value: number): RawNumber => rawNumber(float32Text(Math.fround(value)))

/** The same for one node for ever: made of its peer id. */
function stableUuid(peer: string): string {
  const hex = createHash('sha256').update(peer).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
