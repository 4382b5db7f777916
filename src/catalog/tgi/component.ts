import type { Component } from '../component.ts'
import { languageModelRoom } from '../vllm/memory.ts'
import { vllmTiming } from '../vllm/timing.ts'
import { tgiContainer, tgiPrefetch } from './deploy.ts'
import { tgiObserved } from './observed.ts'
import { tgiScaling } from './scaling.ts'

/** Text Generation Inference: Hugging Face's server, now in maintenance, with an OpenAI-compatible API. */
export const tgi: Component = {
  name: 'tgi',
  title: 'Text Generation Inference',
  fills: ['generate'],
  protocol: 'openai',
  ports: { http: 80 },
  healthPath: '/health',
  metricsPath: '/metrics',
  metrics: {
    running: 'tgi_batch_current_size',
    waiting: 'tgi_queue_size',
    requests: 'tgi_request_count',
    failures: 'tgi_request_failure',
    duration: 'tgi_request_duration',
    queueTime: 'tgi_request_queue_duration',
    timePerToken: 'tgi_request_mean_time_per_token_duration',
    outputTokens: 'tgi_request_generated_tokens',
  },
  scales: 'replicas',
  // It batches as vLLM does: an emulated one is timed alike.
  timing: vllmTiming,
  room: languageModelRoom,
  deploy: tgiContainer,
  prefetch: tgiPrefetch,
  scaling: tgiScaling,
  observed: tgiObserved,
}
