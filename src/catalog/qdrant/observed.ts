/** What is watched of Qdrant (names as 1.18 and 1.19 export them: test/fixtures/qdrant-1.18/56-metrics.json). */
import type { Observed } from '../observed.ts'

/** Of what answers queries; the same histogram also has writes, counts and scrolls. */
const searches = 'endpoint=~"/collections/.+/points/(query|search)(/batch|/groups)?"'

const quantile = (share: number) =>
  `histogram_quantile(${share}, sum by (le) (rate(rest_responses_duration_seconds_bucket{job="$job", ${searches}}[5m])))`

export const qdrantObserved: Observed = {
  exports: {
    collection_points: 'gauge',
    collection_vectors: 'gauge',
    collection_active_replicas_min: 'gauge',
    collection_active_replicas_max: 'gauge',
    collection_dead_replicas: 'gauge',
    collection_running_optimizations: 'gauge',
    collection_shard_transfer_incoming: 'gauge',
    collection_shard_transfer_outgoing: 'gauge',
    collection_update_queue_length: 'gauge',
    collection_update_queue_deferred_points: 'gauge',
    cluster_peers_total: 'gauge',
    cluster_pending_operations_total: 'gauge',
    cluster_working_state: 'gauge',
    cluster_term: 'counter',
    memory_resident_bytes: 'gauge',
    memory_allocated_bytes: 'gauge',
    process_open_fds: 'gauge',
    process_max_fds: 'gauge',
    process_major_page_faults_total: 'counter',
    rest_responses_total: 'counter',
    rest_responses_duration_seconds: 'histogram',
  },
  signals: {
    running: { rate: 'rest_responses_duration_seconds_sum' },
    updateQueue: { gauge: 'collection_update_queue_length' },
    optimizations: { gauge: 'collection_running_optimizations' },
    pageFaults: { rate: 'process_major_page_faults_total' },
  },
  alerts: [
    {
      name: 'QdrantDeadReplicas',
      expr: 'max(collection_dead_replicas{job="$job"}) > 0',
      for: '5m',
      severity: 'critical',
      summary: '{{ $value | humanize }} replicas of shards are not active.',
      description:
        'They serve nothing until they are recovered, which Qdrant does by itself once their node is back; after five minutes it is not. Look whether a node is down (TierDown, ReplicasMissing); where all are up, GET /collections/<name>/cluster says which replica it is: drop it, and replicate the shard again. While replication holds, queries are still answered whole.',
    },
    {
      name: 'QdrantShardWithoutReplica',
      expr: 'min(collection_active_replicas_min{job="$job"}) < 1 and max(collection_points{job="$job"}) > 0',
      for: '1m',
      severity: 'critical',
      summary: 'A shard has no active replica: what it holds is neither found nor written.',
      description:
        'Bring the nodes back that hold it. If one is lost for good, restore the shard from its snapshot, or ingest again; with replication 1 there is no other copy.',
    },
    {
      name: 'QdrantUpdateQueueGrows',
      expr: 'max by (id) (min_over_time(collection_update_queue_length{job="$job"}[10m])) > 100',
      for: '5m',
      severity: 'warning',
      summary: '{{ $value | humanize }} updates of collection {{ $labels.id }} wait to be applied.',
      description:
        'For ten minutes there were never fewer: writes come faster than a node applies them, and what was written is found late. Run fewer ingest workers, or larger batches; disks that are slow show in the node’s IO.',
    },
    {
      name: 'QdrantPointsHidden',
      expr: 'max by (id) (collection_update_queue_deferred_points{job="$job"}) > 0',
      for: '30m',
      severity: 'warning',
      summary: '{{ $value | humanize }} points of collection {{ $labels.id }} are hidden from searches.',
      description:
        'They are stored and wait for the optimizer. After half an hour it does not keep up: give the nodes more CPU, or ingest more slowly.',
    },
    {
      name: 'QdrantConsensusStopped',
      expr: 'max by (replica) (cluster_working_state{job="$job", state="stopped"}) > 0',
      for: '2m',
      severity: 'critical',
      summary: 'Consensus has stopped on {{ $labels.replica }}.',
      description:
        'Searches still work; collections, aliases and shard moves do not, and dead replicas are not recovered. GET /cluster of that node names the error. Restart the node; if it stops again, its disk or its raft state is damaged.',
    },
    {
      name: 'QdrantConsensusBehind',
      expr: 'min by (replica) (min_over_time(cluster_pending_operations_total{job="$job"}[10m])) > 0',
      for: '5m',
      severity: 'warning',
      summary: '{{ $labels.replica }} is {{ $value | humanize }} operations of the cluster behind.',
      description:
        'For ten minutes it has never caught up: it cannot reach the majority on port 6335, or there is none. Look at the network between the nodes, and how many are up.',
    },
    {
      name: 'QdrantPeersDisagree',
      expr: 'max(cluster_peers_total{job="$job"}) - min(cluster_peers_total{job="$job"}) > 0',
      for: '5m',
      severity: 'critical',
      summary: 'The nodes do not agree on how many they are.',
      description:
        'There are two clusters, or a node that cannot catch up: mostly one that started with an empty volume and founded its own. What is written to it is not in the others. Compare GET /cluster of every node; remove the lost member (DELETE /cluster/peer/<id>), and let the node join again with an empty volume.',
    },
    {
      name: 'QdrantRequestsFail',
      expr: 'sum by (job) (rate(rest_responses_total{job="$job", status=~"5.."}[5m])) / sum by (job) (rate(rest_responses_total{job="$job"}[5m])) > 0.01',
      for: '5m',
      severity: 'critical',
      summary: '{{ $value | humanizePercentage }} of the requests to vector fail.',
      description:
        'Qdrant answers 5xx when it misses replicas, disk or time. Its log says which; QdrantDeadReplicas, if it fires too, comes first.',
    },
  ],
  panels: [
    {
      title: 'Searches a second',
      queries: [
        {
          expr: `sum by (replica) (rate(rest_responses_total{job="$job", ${searches}}[5m]))`,
          legend: '{{replica}}',
        },
      ],
      unit: 'reqps',
      description: 'By the node that was asked; it asks the others for the shards that it has not.',
    },
    {
      title: 'Search latency, as a node counts it',
      queries: [
        { expr: quantile(0.5), legend: 'P50' },
        { expr: quantile(0.95), legend: 'P95' },
        { expr: quantile(0.99), legend: 'P99' },
      ],
      unit: 's',
      description:
        'Of searches that succeeded, the slowest shard included. The gateway’s times beyond it are the network and the balancer.',
    },
    {
      title: 'Answers by status',
      queries: [
        { expr: 'sum by (status) (rate(rest_responses_total{job="$job"}[5m]))', legend: '{{status}}' },
      ],
      unit: 'reqps',
      description: 'Of every kind of request, writes included.',
    },
    {
      title: 'Points by node',
      queries: [
        {
          expr: 'sum by (id, replica) (collection_points{job="$job"})',
          legend: '{{id}} on {{replica}}',
        },
      ],
      unit: 'short',
      description: 'Copies are counted on each node that holds them. Uneven nodes are unevenly busy.',
    },
    {
      title: 'Replicas of shards',
      queries: [
        { expr: 'min(collection_active_replicas_min{job="$job"})', legend: 'active, of the worst shard' },
        { expr: 'max(collection_active_replicas_max{job="$job"})', legend: 'active, of the best shard' },
        { expr: 'max(collection_dead_replicas{job="$job"})', legend: 'not active' },
      ],
      unit: 'short',
      description: 'The worst shard decides: at 1 the loss of one more node loses data from searches.',
    },
    {
      title: 'Update queue',
      queries: [
        { expr: 'sum by (replica) (collection_update_queue_length{job="$job"})', legend: '{{replica}}' },
        {
          expr: 'sum(collection_update_queue_deferred_points{job="$job"})',
          legend: 'points hidden from searches',
        },
      ],
      unit: 'short',
      description: 'Writes that wait to be applied, and points that wait for the optimizer.',
    },
    {
      title: 'Optimizations and shard transfers',
      queries: [
        { expr: 'sum(collection_running_optimizations{job="$job"})', legend: 'optimizations' },
        { expr: 'sum(collection_shard_transfer_incoming{job="$job"})', legend: 'shards on the move' },
      ],
      unit: 'short',
      description: 'Both take CPU and disk from searches while they run.',
    },
    {
      title: 'Memory of the nodes',
      queries: [
        { expr: 'max by (replica) (memory_resident_bytes{job="$job"})', legend: '{{replica}}, resident' },
        { expr: 'max by (replica) (memory_allocated_bytes{job="$job"})', legend: '{{replica}}, allocated' },
      ],
      unit: 'bytes',
      description: 'Resident counts files that are mapped and could be given back; allocated does not.',
    },
    {
      title: 'Pages read from disk a second',
      queries: [
        {
          expr: 'sum by (replica) (rate(process_major_page_faults_total{job="$job"}[5m]))',
          legend: '{{replica}}',
        },
      ],
      unit: 'short',
      description: 'Searches that wait for a disk: vectors or the graph no longer fit in memory.',
    },
    {
      title: 'Cluster',
      queries: [
        { expr: 'min(cluster_peers_total{job="$job"})', legend: 'peers' },
        { expr: 'max(cluster_pending_operations_total{job="$job"})', legend: 'operations behind' },
        { expr: 'sum(changes(cluster_term{job="$job"}[10m]))', legend: 'elections in 10 minutes' },
      ],
      unit: 'short',
      description: 'Elections again and again: nodes that do not reach each other, or too little CPU.',
    },
  ],
}
