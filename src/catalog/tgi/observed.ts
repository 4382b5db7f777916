/** What is watched of Text Generation Inference (names as in `router/src/server.rs` and `backends/v3` of 3.3.7). */
import type { Observed } from '../observed.ts'
import { meanOf } from '../signals.ts'

const quantile = (share: number, metric: string) =>
  `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket{job="$job"}[5m])))`

export const tgiObserved: Observed = {
  exports: {
    tgi_request_count: 'counter',
    tgi_request_success: 'counter',
    tgi_request_failure: 'counter',
    tgi_request_duration: 'histogram',
    tgi_request_validation_duration: 'histogram',
    tgi_request_queue_duration: 'histogram',
    tgi_request_inference_duration: 'histogram',
    tgi_request_mean_time_per_token_duration: 'histogram',
    tgi_request_input_length: 'histogram',
    tgi_request_generated_tokens: 'histogram',
    tgi_batch_inference_duration: 'histogram',
    tgi_batch_next_size: 'histogram',
    tgi_batch_current_size: 'gauge',
    tgi_batch_current_max_tokens: 'gauge',
    tgi_batch_max_total_tokens: 'gauge',
    tgi_queue_size: 'gauge',
  },
  signals: {
    queue: { gauge: 'tgi_queue_size' },
    running: { gauge: 'tgi_batch_current_size' },
    kvCacheUsed: { gauge: 'tgi_batch_current_max_tokens', of: 'tgi_batch_max_total_tokens' },
    batchSize: meanOf('tgi_batch_next_size'),
    tokensRead: { rate: 'tgi_request_input_length_sum' },
    tokensWritten: { rate: 'tgi_request_generated_tokens_sum' },
  },
  alerts: [
    {
      name: 'TgiKvCacheNearFull',
      expr: 'max by (job, instance) (tgi_batch_current_max_tokens{job="$job"} / tgi_batch_max_total_tokens{job="$job"}) > 0.9',
      for: '5m',
      severity: 'warning',
      summary:
        'The running batch of {{ $labels.instance }} takes {{ $value | humanizePercentage }} of its tokens.',
      description:
        'When the budget of tokens is full, requests wait. Add replicas, or lower maxSequences or maxModelLength.',
    },
    {
      name: 'TgiRequestsWait',
      expr: 'avg by (job) (avg_over_time(tgi_queue_size{job="$job"}[5m])) > 1',
      for: '5m',
      severity: 'warning',
      summary: 'At each replica of {{ $labels.job }} {{ $value | humanize }} requests wait.',
      description:
        'First tokens come later by as long as requests wait. Add replicas; ragscale recommend says how many.',
    },
    {
      name: 'TgiRequestsFail',
      expr: 'sum by (job) (rate(tgi_request_failure{job="$job"}[5m])) / sum by (job) (rate(tgi_request_count{job="$job"}[5m])) > 0.05',
      for: '5m',
      severity: 'warning',
      summary: '{{ $value | humanizePercentage }} of the requests to {{ $labels.job }} fail.',
      description:
        'tgi_request_failure says why by its label err: overloaded means too many at a time, validation that a prompt is longer than maxModelLength.',
    },
  ],
  panels: [
    {
      title: 'Requests running and waiting',
      queries: [
        { expr: 'sum(tgi_batch_current_size{job="$job"})', legend: 'running' },
        { expr: 'sum(tgi_queue_size{job="$job"})', legend: 'waiting' },
      ],
      unit: 'short',
      description: 'What replicas are scaled by. Waiting requests delay first tokens.',
    },
    {
      title: 'Tokens of the running batch',
      queries: [
        {
          expr: 'max by (instance) (tgi_batch_current_max_tokens{job="$job"} / tgi_batch_max_total_tokens{job="$job"})',
          legend: '{{instance}}',
        },
      ],
      unit: 'percentunit',
      description: 'Of those that the memory holds. Near 100 % requests wait.',
    },
    {
      title: 'Where the time goes (P95)',
      queries: [
        { expr: quantile(0.95, 'tgi_request_duration'), legend: 'whole request' },
        { expr: quantile(0.95, 'tgi_request_queue_duration'), legend: 'waiting' },
        { expr: quantile(0.95, 'tgi_request_inference_duration'), legend: 'computing' },
      ],
      unit: 's',
      description: 'Waiting that grows wants more replicas.',
    },
    {
      title: 'Time a token',
      queries: [
        { expr: quantile(0.5, 'tgi_request_mean_time_per_token_duration'), legend: 'median' },
        { expr: quantile(0.95, 'tgi_request_mean_time_per_token_duration'), legend: 'P95' },
      ],
      unit: 's',
      description:
        'Of each answer the mean over its tokens. Grows with the sequences that are decoded together.',
    },
    {
      title: 'Tokens written a second',
      queries: [
        { expr: 'sum(rate(tgi_request_generated_tokens_sum{job="$job"}[5m]))', legend: 'written' },
        { expr: 'sum(rate(tgi_request_input_length_sum{job="$job"}[5m]))', legend: 'read' },
      ],
      unit: 'short',
      description: 'What the GPUs are paid for.',
    },
    {
      title: 'Requests by result',
      queries: [
        { expr: 'sum(rate(tgi_request_success{job="$job"}[5m]))', legend: 'answered' },
        { expr: 'sum by (err) (rate(tgi_request_failure{job="$job"}[5m]))', legend: '{{err}}' },
      ],
      unit: 'reqps',
      description: 'What is answered and what is refused or fails, by why.',
    },
  ],
}
