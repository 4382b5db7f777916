import type { Component } from '../component.ts'
import { teiContainer } from './deploy.ts'
import { teiPrefetch } from './fetch.ts'
import { encoderRoom } from './memory.ts'
import { teiObserved } from './observed.ts'
import { teiScaling } from './scaling.ts'
import { teiTiming } from './timing.ts'

/** Text Embeddings Inference: embeds and reranks. One GPU a process, so it scales by replicas. */
export const tei: Component = {
  name: 'tei',
  title: 'Text Embeddings Inference',
  fills: ['embed', 'rerank'],
  protocol: 'tei',
  ports: { http: 80 },
  healthPath: '/health',
  metricsPath: '/metrics',
  metrics: {
    requests: 'te_request_count',
    failures: 'te_request_failure',
    duration: 'te_request_duration',
    queueDuration: 'te_request_queue_duration',
    inferenceDuration: 'te_request_inference_duration',
    // Reported late and wrong at times: never the only thing to scale on.
    queue: 'te_queue_size',
    batchSize: 'te_batch_next_size',
    batchTokens: 'te_batch_next_tokens',
  },
  scales: 'replicas',
  timing: teiTiming,
  room: encoderRoom,
  deploy: teiContainer,
  prefetch: teiPrefetch,
  scaling: teiScaling,
  observed: teiObserved,
}
