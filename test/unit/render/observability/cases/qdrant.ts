import { type AlertCase, type Series, rising, steady } from '../alert-case.ts'

const node = 'job="vector", replica="vector-1"'

export const qdrantCases: readonly AlertCase[] = [
  {
    alert: 'QdrantDeadReplicas',
    over: { [`collection_dead_replicas{${node}}`]: steady(1) },
    under: { [`collection_dead_replicas{${node}}`]: steady(0) },
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'QdrantShardWithoutReplica',
    over: {
      [`collection_active_replicas_min{${node}}`]: steady(0),
      [`collection_points{${node}, id="docs"}`]: steady(100),
    },
    // Nothing was ever stored: there is no shard yet.
    under: {
      [`collection_active_replicas_min{${node}}`]: steady(0),
      [`collection_points{${node}, id="docs"}`]: steady(0),
    },
    at: '5m',
  },
  {
    alert: 'QdrantUpdateQueueGrows',
    over: { [`collection_update_queue_length{${node}, id="docs"}`]: '50+10x60' },
    // It is emptied again and again.
    under: {
      [`collection_update_queue_length{${node}, id="docs"}`]:
        '500 900 0 500 900 0 500 900 0 500 900 0 500 900 0 500 900 0 500 900 0 500 900 0 500 900 0 500 900 0 500 900 0',
    },
    at: '30m',
    notAt: '5m',
  },
  {
    alert: 'QdrantPointsHidden',
    over: { [`collection_update_queue_deferred_points{${node}, id="docs"}`]: steady(10) },
    under: { [`collection_update_queue_deferred_points{${node}, id="docs"}`]: '10x20 0x70' },
    at: '40m',
    notAt: '25m',
  },
  {
    alert: 'QdrantConsensusStopped',
    over: { [`cluster_working_state{${node}, state="stopped"}`]: steady(1) },
    under: {
      [`cluster_working_state{${node}, state="stopped"}`]: steady(0),
      [`cluster_working_state{${node}, state="working"}`]: steady(1),
    },
    at: '5m',
    notAt: '1m',
  },
  {
    alert: 'QdrantConsensusBehind',
    over: { [`cluster_pending_operations_total{${node}}`]: steady(3) },
    under: {
      [`cluster_pending_operations_total{${node}}`]: '3 3 0 3 3 0 3 3 0 3 3 0 3 3 0 3 3 0 3 3 0 3 3 0',
    },
    at: '20m',
    notAt: '4m',
  },
  {
    alert: 'QdrantPeersDisagree',
    over: {
      'cluster_peers_total{job="vector", replica="vector-1"}': steady(3),
      'cluster_peers_total{job="vector", replica="vector-2"}': steady(1),
    },
    under: {
      'cluster_peers_total{job="vector", replica="vector-1"}': steady(3),
      'cluster_peers_total{job="vector", replica="vector-2"}': '2 2 3x88',
    },
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'QdrantPeersDisagree',
    over: {
      [`cluster_peers_total{${node}}`]: steady(2),
      'cluster_peers_total{job="vector", replica="vector-2"}': steady(1),
    },
    under: {
      [`cluster_peers_total{${node}}`]: steady(3),
      'cluster_peers_total{job="vector", replica="vector-2"}': steady(3),
    },
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'QdrantRequestsFail',
    over: responses(0.2),
    under: responses(0.05),
    at: '15m',
    notAt: '4m',
  },
]

/** Searches at 10/s that succeed, and so many a second that do not. */
function responses(failed: number): Series {
  const search = `${node}, method="POST", endpoint="/collections/{collection_name}/points/query"`
  return {
    [`rest_responses_total{${search}, status="200"}`]: rising(10),
    [`rest_responses_total{${search}, status="500"}`]: rising(failed),
  }
}
