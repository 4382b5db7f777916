/** What is watched of our own gateway and worker (src/services/gateway/metrics.ts, src/services/worker/). */
import type { Stack } from '../../stack/stack.ts'
import type { Observed } from '../observed.ts'
import { gatewayBuckets } from './buckets.ts'

/** As `src/services/process-metrics.ts` has them. */
const process = {
  process_cpu_seconds_total: 'counter',
  process_resident_memory_bytes: 'gauge',
  process_start_time_seconds: 'gauge',
} as const

const quantile = (share: number, metric: string, matchers = '') =>
  `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket{job="$job"${matchers}}[5m])))`

const gateway: Observed = {
  exports: {
    ...process,
    ragscale_gateway_in_flight: 'gauge',
    ragscale_gateway_max_in_flight: 'gauge',
    ragscale_gateway_requests_total: 'counter',
    ragscale_gateway_request_duration_seconds: 'histogram',
    ragscale_gateway_stage_duration_seconds: 'histogram',
    ragscale_gateway_time_to_first_token_seconds: 'histogram',
    ragscale_gateway_upstream_failures_total: 'counter',
    ragscale_gateway_cache_total: 'counter',
    ragscale_gateway_cache_failures_total: 'counter',
    ragscale_gateway_tokens_total: 'counter',
    ragscale_gateway_circuit_open: 'gauge',
  },
  alerts: [
    {
      name: 'GatewayRefusesQueries',
      expr: 'sum by (route) (rate(ragscale_gateway_requests_total{job="$job", status="429"}[5m])) > 0.01',
      for: '5m',
      severity: 'critical',
      summary: '{{ $value | humanize }} requests a second to /{{ $labels.route }} are refused with 429.',
      description:
        'Every replica has as many requests inside as it may (maxInFlight). Mostly the gateway waits for a slower tier: look at the stages’ latency first, then add replicas where it grew.',
    },
    {
      name: 'GatewayNearFull',
      expr: 'sum by (replica) (ragscale_gateway_in_flight{job="$job"}) / max by (replica) (ragscale_gateway_max_in_flight{job="$job"}) > 0.8',
      for: '5m',
      severity: 'warning',
      summary:
        '{{ $labels.replica }} answers {{ $value | humanizePercentage }} of the requests that it may at once.',
      description:
        'At 100 % it refuses more with 429. Requests pile up where a tier is slow: look at the stages’ latency, then add replicas of that tier, or of the gateway if its own share of the time grew.',
    },
    {
      name: 'GatewayCircuitOpen',
      expr: 'max by (stage) (ragscale_gateway_circuit_open{job="$job"}) > 0',
      for: '1m',
      severity: 'critical',
      summary: 'The gateway no longer calls {{ $labels.stage }}: too many calls failed.',
      description:
        'It tries again by itself; until then queries that need that stage fail at once. Look what is wrong with the tier behind it: replicas that are down, overload (429, 503), or the balancer.',
    },
    {
      name: 'GatewayCacheFails',
      expr: 'sum by (cache) (rate(ragscale_gateway_cache_failures_total{job="$job"}[5m])) > 0.01',
      for: '10m',
      severity: 'warning',
      summary: 'The cache of {{ $labels.cache }}s fails {{ $value | humanize }} times a second.',
      description:
        'A look-up that fails is taken for a miss: nothing breaks, and every tier behind gets the full load. Look at the cache’s server, its memory and its network.',
    },
  ],
  panels: [
    {
      title: 'Requests in flight',
      queries: [
        { expr: 'sum by (replica) (ragscale_gateway_in_flight{job="$job"})', legend: '{{replica}}' },
        { expr: 'min(ragscale_gateway_max_in_flight{job="$job"})', legend: 'most that one takes' },
      ],
      unit: 'short',
      description: 'Little’s law: rate × latency. It grows when a tier behind gets slow.',
    },
    {
      title: 'Cache hits',
      queries: [
        {
          // What was never hit has no series of hits; what was ever asked has one of misses.
          expr: '1 - sum by (cache) (rate(ragscale_gateway_cache_total{job="$job", result="miss"}[5m])) / sum by (cache) (rate(ragscale_gateway_cache_total{job="$job"}[5m]))',
          legend: '{{cache}}',
        },
      ],
      unit: 'percentunit',
      description: 'What the next tier is spared. Shown only for caches that are on.',
    },
    {
      title: 'The gateway’s own time',
      queries: [
        {
          expr: quantile(0.5, 'ragscale_gateway_stage_duration_seconds', ', stage="gateway"'),
          legend: 'P50',
        },
        {
          expr: quantile(0.95, 'ragscale_gateway_stage_duration_seconds', ', stage="gateway"'),
          legend: 'P95',
        },
      ],
      unit: 's',
      description:
        'Of a query, less its stages. A few milliseconds; when it grows the gateways themselves are busy.',
    },
    {
      title: 'Requests by route',
      queries: [
        {
          expr: 'sum by (route) (rate(ragscale_gateway_requests_total{job="$job"}[5m]))',
          legend: '/{{route}}',
        },
      ],
      unit: 'reqps',
      description: '/query is the whole pipeline, /retrieve and /generate its halves.',
    },
    {
      title: 'Tokens a second',
      queries: [
        { expr: 'sum by (kind) (rate(ragscale_gateway_tokens_total{job="$job"}[5m]))', legend: '{{kind}}' },
      ],
      unit: 'short',
      description:
        'Read (input) and written (output) by the model for queries; what a cache answered cost none.',
    },
    {
      title: 'Failures by upstream',
      queries: [
        {
          expr: 'sum by (stage) (rate(ragscale_gateway_upstream_failures_total{job="$job"}[5m]))',
          legend: '{{stage}}',
        },
      ],
      unit: 'reqps',
      description: 'Whose failure a failed query was.',
    },
    {
      title: 'Open circuits',
      queries: [{ expr: 'max by (stage) (ragscale_gateway_circuit_open{job="$job"})', legend: '{{stage}}' }],
      unit: 'short',
      description: '1 while an upstream is left alone because too many calls failed.',
    },
  ],
}

/** Its histograms also count where the stack's SLOs end. */
export function gatewayObserved(stack: Stack): Observed {
  const buckets = gatewayBuckets(stack)
  return {
    ...gateway,
    buckets: {
      ragscale_gateway_request_duration_seconds: buckets,
      ragscale_gateway_stage_duration_seconds: buckets,
      ragscale_gateway_time_to_first_token_seconds: buckets,
    },
  }
}

export const workerObserved: Observed = {
  exports: {
    ...process,
    ragscale_worker_documents_total: 'counter',
    ragscale_worker_chunks_total: 'counter',
    ragscale_worker_in_flight: 'gauge',
    ragscale_worker_document_duration_seconds: 'histogram',
    // Of the queue, where there is one: every worker tells of the one that all share.
    ragscale_worker_queue_backlog: 'gauge',
    ragscale_worker_queue_pending: 'gauge',
    ragscale_worker_queue_dead_letters: 'gauge',
    ragscale_worker_queue_up: 'gauge',
    ragscale_worker_queue_retries_total: 'counter',
    ragscale_worker_queue_dead_letters_total: 'counter',
  },
  buckets: {
    ragscale_worker_document_duration_seconds: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  alerts: [
    {
      name: 'WorkerDocumentsFail',
      expr: 'sum by (job) (rate(ragscale_worker_documents_total{job="$job", result="failed"}[10m])) / sum by (job) (rate(ragscale_worker_documents_total{job="$job"}[10m])) > 0.05',
      for: '10m',
      severity: 'warning',
      summary: '{{ $value | humanizePercentage }} of the documents are not stored.',
      description:
        'Embedding or the vector database refuses them. The worker’s answer and log say which; queries suffer from the same, so look at those tiers first.',
    },
    {
      name: 'WorkerQueueStands',
      expr: 'max(ragscale_worker_queue_backlog{job="$job"}) > 0 and sum(rate(ragscale_worker_documents_total{job="$job"}[10m])) == 0',
      for: '10m',
      severity: 'critical',
      summary: '{{ $value | humanize }} documents wait, and none is taken up.',
      description:
        'No worker has ended a document for twenty minutes. They are down, or each waits for a tier that does not answer: look at embed and vector, then at the log of a worker. Nothing is lost; the queue keeps what it took.',
    },
    {
      name: 'WorkerBacklogGrows',
      expr: 'max(ragscale_worker_queue_backlog{job="$job"}) > 100 and on () deriv(max(ragscale_worker_queue_backlog{job="$job"})[30m:1m]) > 0',
      for: '30m',
      severity: 'warning',
      summary: '{{ $value | humanize }} documents wait for a worker, and more come than are stored.',
      description:
        'Nothing is lost; what is new is found late. Workers wait for embed and vector most of the time: look at these first. If they are idle, add workers.',
    },
    {
      name: 'WorkerDeadLetters',
      expr: 'sum(increase(ragscale_worker_queue_dead_letters_total{job="$job"}[15m])) > 0',
      for: '0m',
      severity: 'warning',
      summary: '{{ $value | humanize }} documents were given up after their last try.',
      description:
        'They are kept as dead letters, each with what it failed with. One by one it is the documents (too large, no text); all at once it is embed or vector: mend that, and queue them again.',
    },
    {
      name: 'WorkerQueueAway',
      expr: 'min by (replica) (ragscale_worker_queue_up{job="$job"}) == 0',
      for: '5m',
      severity: 'critical',
      summary: '{{ $labels.replica }} does not reach the queue.',
      description:
        'It takes no documents and answers new ones with an error; those that it took stay in the queue. Look whether Redis is up, at its memory (a full queue refuses), and at the network between them.',
    },
  ],
  panels: [
    {
      title: 'Documents by result',
      queries: [
        {
          expr: 'sum by (result) (rate(ragscale_worker_documents_total{job="$job"}[5m]))',
          legend: '{{result}}',
        },
      ],
      unit: 'reqps',
      description: 'Stored, and failed.',
    },
    {
      title: 'Chunks stored a second',
      queries: [{ expr: 'sum(rate(ragscale_worker_chunks_total{job="$job"}[5m]))', legend: 'chunks' }],
      unit: 'short',
      description: 'Each is embedded once and written to every copy of its shard.',
    },
    {
      title: 'Documents being written',
      queries: [{ expr: 'sum by (replica) (ragscale_worker_in_flight{job="$job"})', legend: '{{replica}}' }],
      unit: 'short',
      description: 'How many each worker has in hand.',
    },
    {
      title: 'Time to store a document',
      queries: [
        { expr: quantile(0.5, 'ragscale_worker_document_duration_seconds'), legend: 'P50' },
        { expr: quantile(0.95, 'ragscale_worker_document_duration_seconds'), legend: 'P95' },
      ],
      unit: 's',
      description: 'Its chunks, their embeddings and the writes.',
    },
    {
      title: 'Documents that wait',
      queries: [
        { expr: 'max(ragscale_worker_queue_backlog{job="$job"})', legend: 'queued and not stored yet' },
        { expr: 'max(ragscale_worker_queue_pending{job="$job"})', legend: 'of these in hand' },
        { expr: 'max(ragscale_worker_queue_dead_letters{job="$job"})', legend: 'given up' },
      ],
      unit: 'short',
      description: 'Of the one queue that all workers share. Workers scale by the first line.',
    },
    {
      title: 'Documents taken up again',
      queries: [
        {
          expr: 'sum by (replica) (rate(ragscale_worker_queue_retries_total{job="$job"}[5m]))',
          legend: '{{replica}}',
        },
      ],
      unit: 'short',
      description:
        'After a failure, or of a worker that was lost. Now and then one is the queue doing its work.',
    },
  ],
}
