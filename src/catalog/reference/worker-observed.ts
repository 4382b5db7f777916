/** What is watched of our own ingest worker (src/services/worker/metrics.ts). */
import type { Observed } from '../observed.ts'
import { processMetrics } from './process-metrics.ts'

const quantile = (share: number) =>
  `histogram_quantile(${share}, sum by (le) (rate(ragscale_worker_document_duration_seconds_bucket{job="$job"}[5m])))`

export const workerObserved: Observed = {
  exports: {
    ...processMetrics,
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
  signals: {
    running: { gauge: 'ragscale_worker_in_flight' },
    backlog: { gauge: 'ragscale_worker_queue_backlog' },
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
        { expr: quantile(0.5), legend: 'P50' },
        { expr: quantile(0.95), legend: 'P95' },
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
