/** What is watched of Text Embeddings Inference (names as in `router/src/lib.rs` and `core/src/queue.rs` of 1.9.3). */
import type { Observed } from '../observed.ts'
import { meanOf } from '../signals.ts'
import { maxConcurrent } from './settings.ts'

const failures = 'sum by (job) (rate(te_request_failure{job="$job"}[5m]))'
const requests = 'sum by (job) (rate(te_request_count{job="$job"}[5m]))'
/** With the job's label, which an alert's text names. */
const p95 = (metric: string) =>
  `histogram_quantile(0.95, sum by (job, le) (rate(${metric}_bucket{job="$job"}[5m])))`
const quantile = (share: number, metric: string) =>
  `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket{job="$job"}[5m])))`

export const teiObserved: Observed = {
  exports: {
    te_request_count: 'counter',
    te_request_success: 'counter',
    te_request_failure: 'counter',
    te_request_duration: 'histogram',
    te_request_tokenization_duration: 'histogram',
    te_request_queue_duration: 'histogram',
    te_request_inference_duration: 'histogram',
    te_request_input_length: 'histogram',
    te_batch_next_size: 'histogram',
    te_batch_next_tokens: 'histogram',
    te_queue_size: 'gauge',
  },
  signals: {
    queue: { gauge: 'te_queue_size' },
    running: { rate: 'te_request_inference_duration_sum' },
    batchSize: meanOf('te_batch_next_size'),
    batchTokens: meanOf('te_batch_next_tokens'),
  },
  alerts: [
    {
      name: 'TeiRequestsFail',
      expr: `${failures} / ${requests} > 0.05`,
      for: '5m',
      severity: 'warning',
      summary: 'More than 5 % of the requests to {{ $labels.job }} fail.',
      description:
        'te_request_failure says why by its label err: overloaded means that a replica had 512 requests inside, tokenization or validation that callers send what the model cannot read.',
    },
    {
      name: 'TeiOverloaded',
      expr: 'sum by (job) (rate(te_request_failure{job="$job", err="overloaded"}[5m])) > 0',
      for: '5m',
      severity: 'critical',
      summary: 'Replicas of {{ $labels.job }} refuse requests with 429.',
      description: `A replica takes ${maxConcurrent} requests at a time (--max-concurrent-requests) and refuses more. Add replicas; ragscale recommend says how many.`,
    },
    {
      name: 'TeiQueueOutlastsInference',
      expr: `${p95('te_request_queue_duration')} > 2 * ${p95('te_request_inference_duration')} and ${p95('te_request_queue_duration')} > 0.05`,
      for: '10m',
      severity: 'warning',
      summary: 'Requests to {{ $labels.job }} wait longer for a batch than the batch takes.',
      description:
        'A request waits for the batch that is being computed; when it waits for two of them, arrivals outpace the replicas. Add replicas before latency grows without bound.',
    },
  ],
  panels: [
    {
      title: 'Requests by result',
      queries: [
        { expr: 'sum(rate(te_request_success{job="$job"}[5m]))', legend: 'answered' },
        { expr: 'sum by (err) (rate(te_request_failure{job="$job"}[5m]))', legend: '{{err}}' },
      ],
      unit: 'reqps',
      description: 'What is answered and what is refused or fails, by why.',
    },
    {
      title: 'Where the time goes (P95)',
      queries: [
        { expr: quantile(0.95, 'te_request_duration'), legend: 'whole request' },
        { expr: quantile(0.95, 'te_request_tokenization_duration'), legend: 'tokenizing' },
        { expr: quantile(0.95, 'te_request_queue_duration'), legend: 'waiting for a batch' },
        { expr: quantile(0.95, 'te_request_inference_duration'), legend: 'in a batch' },
      ],
      unit: 's',
      description:
        'Waiting that grows while computing does not: too few replicas. Computing that grows: longer inputs.',
    },
    {
      title: 'Requests in flight',
      queries: [
        { expr: 'sum(rate(te_request_duration_sum{job="$job"}[1m]))', legend: 'in flight' },
        { expr: 'sum(te_queue_size{job="$job"})', legend: 'in the queue, as it says' },
      ],
      unit: 'short',
      description:
        'The time spent inside, a second (Little’s law): what replicas are scaled by. The queue that TEI shows lags behind.',
    },
    {
      title: 'Requests in a batch',
      queries: [
        { expr: quantile(0.5, 'te_batch_next_size'), legend: 'median' },
        { expr: quantile(0.95, 'te_batch_next_size'), legend: 'P95' },
      ],
      unit: 'short',
      description: 'Batches grow with the load: the same GPU answers more at once.',
    },
    {
      title: 'Tokens in a batch',
      queries: [
        { expr: quantile(0.5, 'te_batch_next_tokens'), legend: 'median' },
        { expr: quantile(0.95, 'te_batch_next_tokens'), legend: 'P95' },
      ],
      unit: 'short',
      description: 'At 16,384 (--max-batch-tokens) a batch is full, and more requests only wait.',
    },
    {
      title: 'Tokens of an input (P95)',
      queries: [{ expr: quantile(0.95, 'te_request_input_length'), legend: 'P95' }],
      unit: 'short',
      description: 'What takes long is mostly what is long.',
    },
  ],
}
