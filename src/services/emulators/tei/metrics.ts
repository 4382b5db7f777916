import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Timing } from './engine.ts'

const seconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]

export type Method = 'single' | 'batch'
export type Failure = 'overloaded' | 'validation' | 'batch_size' | 'empty' | 'model_type'

/** What TEI says of itself at `/metrics`. */
export interface TeiMetrics {
  readonly registry: Registry
  counted(method: Method): void
  failed(failure: Failure): void
  succeeded(method: Method, totalMs: number, timing: Timing): void
  batched(size: number, tokens: number): void
}

export function createMetrics(waiting: () => number): TeiMetrics {
  const registry = new Registry()
  const registers = [registry]
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, registers })

  const count = counter('te_request_count', 'Requests received.', ['method'])
  const success = counter('te_request_success', 'Requests answered.', ['method'])
  const failure = counter('te_request_failure', 'Requests refused or failed.', ['err'])
  const duration = histogram('te_request_duration', 'From a request to its answer, in seconds.', seconds)
  const queue = histogram('te_request_queue_duration', 'Waiting for a batch, in seconds.', seconds)
  const inference = histogram('te_request_inference_duration', 'In a batch, in seconds.', seconds)
  const batchSize = histogram(
    'te_batch_next_size',
    'Inputs in a batch.',
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  )
  const batchTokens = histogram(
    'te_batch_next_tokens',
    'Tokens in a batch.',
    [16, 64, 256, 1024, 4096, 16_384, 65_536],
  )
  const queueSize = new Gauge({
    name: 'te_queue_size',
    help: 'Inputs that wait for a batch.',
    registers: [],
    collect() {
      this.set(waiting())
    },
  })
  registry.registerMetric(queueSize)
  return {
    registry,
    counted: (method) => count.inc({ method }),
    failed: (err) => failure.inc({ err }),
    succeeded: (method, totalMs, timing) => {
      success.inc({ method })
      duration.observe(totalMs / 1000)
      queue.observe(timing.queueMs / 1000)
      inference.observe(timing.inferenceMs / 1000)
    },
    batched: (size, tokens) => {
      batchSize.observe(size)
      batchTokens.observe(tokens)
    },
  }
}
