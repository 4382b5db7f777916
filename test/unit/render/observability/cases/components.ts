import { type AlertCase, type Series, rising, steady } from '../alert-case.ts'

const gateway = 'job="gateway", replica="a"'
const node = 'job="vector", replica="vector-1"'
const tei = 'job="embed", replica="embed-1"'
const vllm = 'job="generate", instance="generate-1:8000", replica="generate-1", model_name="m", engine="0"'
const tgi = 'job="generate", instance="generate-1:80", replica="generate-1"'
const gpu = 'job="dcgm", instance="host:9400", Hostname="host", gpu="0"'

/** A histogram of `rate` a second, of which these shares end in the buckets up to `le`. */
function histogram(
  metric: string,
  labels: string,
  rate: number,
  shares: Readonly<Record<string, number>>,
): Series {
  const buckets = Object.entries({ ...shares, '+Inf': 1 }).map(([le, share]) => [
    `${metric}_bucket{${labels}, le="${le}"}`,
    rising(rate * share),
  ])
  return Object.fromEntries(buckets)
}

/** At a time of `queued` s in the queue for 95 %, while a batch takes 40 ms. */
function teiTimes(queued: '0.1' | '0.2'): Series {
  const share = queued === '0.2' ? { '0.05': 0.1, '0.1': 0.2, '0.2': 1 } : { '0.05': 0.9, '0.1': 1, '0.2': 1 }
  return {
    ...histogram('te_request_queue_duration', tei, 10, share),
    ...histogram('te_request_inference_duration', tei, 10, { '0.04': 1 }),
  }
}

const gatewayCases: readonly AlertCase[] = [
  {
    alert: 'GatewayRefusesQueries',
    over: { [`ragscale_gateway_requests_total{${gateway}, route="query", status="429"}`]: rising(0.05) },
    under: { [`ragscale_gateway_requests_total{${gateway}, route="query", status="503"}`]: rising(5) },
    at: '15m',
    notAt: '4m',
  },
  {
    alert: 'GatewayNearFull',
    over: {
      [`ragscale_gateway_in_flight{${gateway}, route="query"}`]: steady(40),
      [`ragscale_gateway_in_flight{${gateway}, route="retrieve"}`]: steady(12),
      [`ragscale_gateway_max_in_flight{${gateway}}`]: steady(64),
    },
    under: {
      [`ragscale_gateway_in_flight{${gateway}, route="query"}`]: steady(40),
      [`ragscale_gateway_in_flight{${gateway}, route="retrieve"}`]: steady(11),
      [`ragscale_gateway_max_in_flight{${gateway}}`]: steady(64),
    },
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'GatewayCircuitOpen',
    over: { [`ragscale_gateway_circuit_open{${gateway}, stage="embed"}`]: steady(1) },
    under: { [`ragscale_gateway_circuit_open{${gateway}, stage="embed"}`]: steady(0) },
    at: '5m',
  },
  {
    alert: 'GatewayCacheFails',
    over: { [`ragscale_gateway_cache_failures_total{${gateway}, cache="answer"}`]: rising(1) },
    under: { [`ragscale_gateway_cache_failures_total{${gateway}, cache="answer"}`]: rising(0.005) },
    at: '20m',
    notAt: '9m',
  },
  {
    alert: 'WorkerDocumentsFail',
    over: {
      'ragscale_worker_documents_total{job="worker", replica="a", result="stored"}': rising(9.4),
      'ragscale_worker_documents_total{job="worker", replica="a", result="failed"}': rising(0.6),
    },
    under: {
      'ragscale_worker_documents_total{job="worker", replica="a", result="stored"}': rising(9.6),
      'ragscale_worker_documents_total{job="worker", replica="a", result="failed"}': rising(0.4),
    },
    at: '25m',
    notAt: '9m',
  },
  {
    alert: 'WorkerBacklogGrows',
    over: { 'ragscale_worker_queue_backlog{job="worker", replica="a"}': '200+2x90' },
    under: { 'ragscale_worker_queue_backlog{job="worker", replica="a"}': '400-2x90' },
    at: '60m',
    notAt: '20m',
  },
  {
    alert: 'WorkerDeadLetters',
    over: { 'ragscale_worker_queue_dead_letters_total{job="worker", replica="a"}': '0x20 1x70' },
    under: { 'ragscale_worker_queue_dead_letters_total{job="worker", replica="a"}': '3x90' },
    at: '25m',
    notAt: '10m',
  },
  {
    alert: 'WorkerQueueAway',
    over: { 'ragscale_worker_queue_up{job="worker", replica="a"}': steady(0) },
    under: { 'ragscale_worker_queue_up{job="worker", replica="a"}': '1 1 0 0 0 0 1x80' },
    at: '10m',
    notAt: '4m',
  },
]

const queueCases: readonly AlertCase[] = [
  {
    alert: 'WorkerQueueStands',
    over: {
      'ragscale_worker_queue_backlog{job="worker", replica="a"}': steady(5),
      'ragscale_worker_documents_total{job="worker", replica="a", result="stored"}': '0+60x9 540x80',
    },
    under: {
      'ragscale_worker_queue_backlog{job="worker", replica="a"}': steady(5),
      'ragscale_worker_documents_total{job="worker", replica="a", result="stored"}': rising(1),
    },
    at: '35m',
    notAt: '19m',
  },
  {
    alert: 'WorkerBacklogGrows',
    over: { 'ragscale_worker_queue_backlog{job="worker", replica="a"}': '200+10x90' },
    under: { 'ragscale_worker_queue_backlog{job="worker", replica="a"}': '2000-10x90' },
    at: '60m',
    notAt: '29m',
  },
  {
    alert: 'WorkerDeadLetters',
    over: { 'ragscale_worker_queue_dead_letters_total{job="worker", replica="a"}': '0x10 1x50' },
    under: { 'ragscale_worker_queue_dead_letters_total{job="worker", replica="a"}': steady(1) },
    at: '15m',
    notAt: '9m',
  },
  {
    alert: 'WorkerQueueAway',
    over: { 'ragscale_worker_queue_up{job="worker", replica="a"}': steady(0) },
    under: { 'ragscale_worker_queue_up{job="worker", replica="a"}': '1 0 1 0 1 1 0 1 1 1 0 1 1' },
    at: '10m',
    notAt: '4m',
  },
]

const qdrantCases: readonly AlertCase[] = [
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

const teiCases: readonly AlertCase[] = [
  {
    alert: 'TeiRequestsFail',
    over: {
      [`te_request_count{${tei}}`]: rising(10),
      [`te_request_failure{${tei}, err="validation"}`]: rising(0.6),
    },
    under: {
      [`te_request_count{${tei}}`]: rising(10),
      [`te_request_failure{${tei}, err="validation"}`]: rising(0.4),
    },
    at: '15m',
    notAt: '4m',
  },
  {
    alert: 'TeiOverloaded',
    over: { [`te_request_failure{${tei}, err="overloaded"}`]: rising(0.1) },
    under: { [`te_request_failure{${tei}, err="validation"}`]: rising(0.1) },
    at: '15m',
    notAt: '4m',
  },
  {
    alert: 'TeiQueueOutlastsInference',
    over: teiTimes('0.2'),
    under: teiTimes('0.1'),
    at: '20m',
    notAt: '9m',
  },
]

/** How long 95 % of requests wait, at 10 a second. */
const waiting = (share: number): Series =>
  histogram('vllm:request_queue_time_seconds', vllm, 10, { '0.5': share, '1.0': share, '2.0': 1 })

const vllmCases: readonly AlertCase[] = [
  {
    alert: 'VllmKvCacheNearFull',
    over: { [`vllm:kv_cache_usage_perc{${vllm}}`]: steady(0.92) },
    under: { [`vllm:kv_cache_usage_perc{${vllm}}`]: steady(0.88) },
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'VllmRequestsWait',
    over: { [`vllm:num_requests_waiting{${vllm}}`]: steady(2) },
    under: { [`vllm:num_requests_waiting{${vllm}}`]: steady(1) },
    at: '10m',
    notAt: '4m',
  },
  { alert: 'VllmQueueTimeHigh', over: waiting(0.9), under: waiting(0.99), at: '20m', notAt: '9m' },
  {
    alert: 'VllmPreempts',
    over: { [`vllm:num_preemptions_total{${vllm}}`]: rising(0.2) },
    under: { [`vllm:num_preemptions_total{${vllm}}`]: rising(0.05) },
    at: '25m',
    notAt: '9m',
  },
  { alert: 'VllmRequestsFail', over: ended(0.6), under: ended(0.4), at: '15m', notAt: '4m' },
]

/** Requests that end well at 9/s, and so many a second that are aborted. */
function ended(aborted: number): Series {
  return {
    [`vllm:request_success_total{${vllm}, finished_reason="stop"}`]: rising(9.4),
    [`vllm:request_success_total{${vllm}, finished_reason="abort"}`]: rising(aborted),
  }
}

const tgiCases: readonly AlertCase[] = [
  {
    alert: 'TgiKvCacheNearFull',
    over: {
      [`tgi_batch_current_max_tokens{${tgi}}`]: steady(92_000),
      [`tgi_batch_max_total_tokens{${tgi}}`]: steady(100_000),
    },
    under: {
      [`tgi_batch_current_max_tokens{${tgi}}`]: steady(88_000),
      [`tgi_batch_max_total_tokens{${tgi}}`]: steady(100_000),
    },
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'TgiRequestsWait',
    over: { [`tgi_queue_size{${tgi}}`]: steady(2) },
    under: { [`tgi_queue_size{${tgi}}`]: steady(1) },
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'TgiRequestsFail',
    over: {
      [`tgi_request_count{${tgi}}`]: rising(10),
      [`tgi_request_failure{${tgi}, err="overloaded"}`]: rising(0.6),
    },
    under: {
      [`tgi_request_count{${tgi}}`]: rising(10),
      [`tgi_request_failure{${tgi}, err="overloaded"}`]: rising(0.4),
    },
    at: '15m',
    notAt: '4m',
  },
].map((one) => ({ ...one, variant: 'tgi' }))

const gpuCases: readonly AlertCase[] = [
  {
    alert: 'GpuError',
    over: { [`DCGM_FI_DEV_XID_ERRORS{${gpu}}`]: steady(79) },
    under: { [`DCGM_FI_DEV_XID_ERRORS{${gpu}}`]: steady(0) },
    at: '5m',
  },
  {
    alert: 'GpuHot',
    over: { [`DCGM_FI_DEV_GPU_TEMP{${gpu}}`]: steady(86) },
    under: { [`DCGM_FI_DEV_GPU_TEMP{${gpu}}`]: steady(84) },
    at: '15m',
    notAt: '9m',
  },
]

export const componentCases: readonly AlertCase[] = [
  ...gatewayCases,
  ...queueCases,
  ...qdrantCases,
  ...teiCases,
  ...vllmCases,
  ...tgiCases,
  ...gpuCases,
]
