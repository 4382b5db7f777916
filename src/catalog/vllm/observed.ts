/** What is watched of vLLM (names as in `vllm/v1/metrics/loggers.py` of 0.33.0; a counter's ends in `_total` where it is read). */
import type { Observed } from '../observed.ts'
import { meanOf } from '../signals.ts'

const sum = (metric: string) => `sum(vllm:${metric}{job="$job"})`
const rate = (metric: string) => `sum(rate(vllm:${metric}{job="$job"}[5m]))`
const quantile = (share: number, metric: string) =>
  `histogram_quantile(${share}, sum by (le) (rate(vllm:${metric}_bucket{job="$job"}[5m])))`
const percentiles = (metric: string) =>
  [
    ['P50', 0.5],
    ['P95', 0.95],
    ['P99', 0.99],
  ].map(([legend, share]) => ({ expr: quantile(Number(share), metric), legend: String(legend) }))

const betweenTokens = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
]

export const vllmObserved: Observed = {
  exports: {
    'vllm:num_requests_running': 'gauge',
    'vllm:num_requests_waiting': 'gauge',
    'vllm:kv_cache_usage_perc': 'gauge',
    'vllm:prefix_cache_queries_total': 'counter',
    'vllm:prefix_cache_hits_total': 'counter',
    'vllm:num_preemptions_total': 'counter',
    'vllm:prompt_tokens_total': 'counter',
    'vllm:generation_tokens_total': 'counter',
    'vllm:request_success_total': 'counter',
    'vllm:iteration_tokens_total': 'histogram',
    'vllm:request_prompt_tokens': 'histogram',
    'vllm:request_generation_tokens': 'histogram',
    'vllm:time_to_first_token_seconds': 'histogram',
    'vllm:inter_token_latency_seconds': 'histogram',
    'vllm:request_time_per_output_token_seconds': 'histogram',
    'vllm:e2e_request_latency_seconds': 'histogram',
    'vllm:request_queue_time_seconds': 'histogram',
    'vllm:request_inference_time_seconds': 'histogram',
    'vllm:request_prefill_time_seconds': 'histogram',
    'vllm:request_decode_time_seconds': 'histogram',
    'vllm:cache_config_info': 'gauge',
  },
  buckets: {
    'vllm:time_to_first_token_seconds': [
      0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160,
    ],
    'vllm:inter_token_latency_seconds': betweenTokens,
    'vllm:request_time_per_output_token_seconds': betweenTokens,
    'vllm:e2e_request_latency_seconds': [
      0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960,
    ],
  },
  signals: {
    queue: { gauge: 'vllm:num_requests_waiting' },
    running: { gauge: 'vllm:num_requests_running' },
    kvCacheUsed: { gauge: 'vllm:kv_cache_usage_perc' },
    prefixCacheHits: { grown: 'vllm:prefix_cache_hits_total', of: 'vllm:prefix_cache_queries_total' },
    preemptions: { rate: 'vllm:num_preemptions_total' },
    batchTokens: meanOf('vllm:iteration_tokens_total'),
    tokensRead: { rate: 'vllm:prompt_tokens_total' },
    tokensWritten: { rate: 'vllm:generation_tokens_total' },
  },
  alerts: [
    {
      name: 'VllmKvCacheNearFull',
      expr: 'max by (job, instance) (vllm:kv_cache_usage_perc{job="$job"}) > 0.9',
      for: '5m',
      severity: 'warning',
      summary: 'The KV cache of {{ $labels.instance }} is {{ $value | humanizePercentage }} full.',
      description:
        'When it is full, requests wait or are preempted and computed anew. Add replicas, lower maxSequences or maxModelLength, or spread a replica over more GPUs (tensorParallel).',
    },
    {
      name: 'VllmRequestsWait',
      expr: 'avg by (job) (avg_over_time(vllm:num_requests_waiting{job="$job"}[5m])) > 1',
      for: '5m',
      severity: 'warning',
      summary: 'At each replica of {{ $labels.job }} {{ $value | humanize }} requests wait to be scheduled.',
      description:
        'First tokens come later by as long as requests wait. Add replicas; ragscale recommend says how many. If the KV cache is far from full, maxSequences is what keeps them waiting.',
    },
    {
      name: 'VllmQueueTimeHigh',
      expr: `${quantile(0.95, 'request_queue_time_seconds')} > 1`,
      for: '10m',
      severity: 'warning',
      summary: 'P95 of the time that requests wait before generation is {{ $value | humanizeDuration }}.',
      description:
        'It is part of the time to the first token. Add replicas, or shed load before it gets here.',
    },
    {
      name: 'VllmPreempts',
      expr: 'sum by (job) (rate(vllm:num_preemptions_total{job="$job"}[10m])) > 0.1',
      for: '10m',
      severity: 'warning',
      summary: '{{ $labels.job }} preempts {{ $value | humanize }} requests a second for want of KV cache.',
      description:
        'A preempted request is computed again from its beginning. Lower maxSequences, so that fewer are admitted than fit, or add replicas.',
    },
    {
      name: 'VllmRequestsFail',
      expr: 'sum by (job) (rate(vllm:request_success_total{job="$job", finished_reason=~"abort|error"}[5m])) / sum by (job) (rate(vllm:request_success_total{job="$job"}[5m])) > 0.05',
      for: '5m',
      severity: 'warning',
      summary:
        '{{ $value | humanizePercentage }} of the requests to {{ $labels.job }} end aborted or in error.',
      description:
        'Aborted: the caller went away, mostly for waiting too long; look at the gateway’s timeouts and at the waiting requests. In error: read the logs of generate.',
    },
  ],
  panels: [
    {
      title: 'Requests running and waiting',
      queries: [
        { expr: sum('num_requests_running'), legend: 'running' },
        { expr: sum('num_requests_waiting'), legend: 'waiting' },
      ],
      unit: 'short',
      description: 'What replicas are scaled by. Waiting requests delay first tokens.',
    },
    {
      title: 'KV cache in use',
      queries: [{ expr: 'max by (instance) (vllm:kv_cache_usage_perc{job="$job"})', legend: '{{instance}}' }],
      unit: 'percentunit',
      description: 'Near 100 % requests wait or are preempted.',
    },
    {
      title: 'Time to first token',
      queries: percentiles('time_to_first_token_seconds'),
      unit: 's',
      description: 'Waiting, then reading the prompt.',
    },
    {
      title: 'Time between tokens',
      queries: percentiles('inter_token_latency_seconds'),
      unit: 's',
      description: 'Grows with the sequences that are decoded together.',
    },
    {
      title: 'Where the time goes (P95)',
      queries: [
        { expr: quantile(0.95, 'request_queue_time_seconds'), legend: 'waiting' },
        { expr: quantile(0.95, 'request_prefill_time_seconds'), legend: 'reading the prompt' },
        { expr: quantile(0.95, 'request_decode_time_seconds'), legend: 'writing the answer' },
      ],
      unit: 's',
      description:
        'Waiting wants replicas; reading wants shorter prompts or prefix-cache hits; writing wants smaller batches or faster GPUs.',
    },
    {
      title: 'Tokens a second',
      queries: [
        { expr: rate('prompt_tokens_total'), legend: 'read' },
        { expr: rate('generation_tokens_total'), legend: 'written' },
      ],
      unit: 'short',
      description: 'What the GPUs are paid for.',
    },
    {
      title: 'Prefix cache hits',
      queries: [
        {
          expr: `${rate('prefix_cache_hits_total')} / ${rate('prefix_cache_queries_total')}`,
          legend: 'hits',
        },
      ],
      unit: 'percentunit',
      description: 'The share of prompt tokens that were read before and are not computed again.',
    },
    {
      title: 'Preemptions',
      queries: [{ expr: rate('num_preemptions_total'), legend: 'a second' }],
      unit: 'short',
      description: 'Requests put back for want of KV cache, to be computed again.',
    },
    {
      title: 'Requests by how they ended',
      queries: [
        {
          expr: 'sum by (finished_reason) (rate(vllm:request_success_total{job="$job"}[5m]))',
          legend: '{{finished_reason}}',
        },
      ],
      unit: 'reqps',
      description: 'stop: the model was done; length: maxTokens; abort: the caller went away.',
    },
  ],
}
