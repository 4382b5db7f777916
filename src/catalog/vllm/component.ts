import type { Component } from '../component.ts'
import { vllmContainer, vllmPrefetch } from './deploy.ts'
import { languageModelRoom } from './memory.ts'
import { vllmObserved } from './observed.ts'
import { vllmScaling } from './scaling.ts'
import { vllmTiming } from './timing.ts'

/** vLLM's OpenAI-compatible server. It listens only when the model is loaded. */
export const vllm: Component = {
  name: 'vllm',
  title: 'vLLM',
  fills: ['generate'],
  protocol: 'openai',
  ports: { http: 8000 },
  healthPath: '/health',
  metricsPath: '/metrics',
  metrics: {
    running: 'vllm:num_requests_running',
    waiting: 'vllm:num_requests_waiting',
    kvCacheUsed: 'vllm:kv_cache_usage_perc',
    prefixQueries: 'vllm:prefix_cache_queries_total',
    prefixHits: 'vllm:prefix_cache_hits_total',
    preemptions: 'vllm:num_preemptions_total',
    ttft: 'vllm:time_to_first_token_seconds',
    interTokenLatency: 'vllm:inter_token_latency_seconds',
    tpot: 'vllm:request_time_per_output_token_seconds',
    duration: 'vllm:e2e_request_latency_seconds',
    queueTime: 'vllm:request_queue_time_seconds',
    prefillTime: 'vllm:request_prefill_time_seconds',
    decodeTime: 'vllm:request_decode_time_seconds',
  },
  scales: 'replicas',
  timing: vllmTiming,
  room: languageModelRoom,
  deploy: vllmContainer,
  prefetch: vllmPrefetch,
  scaling: vllmScaling,
  observed: vllmObserved,
}
