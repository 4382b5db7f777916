import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { processMetrics } from '../process-metrics.ts'
import type { QueueState } from './document-queue.ts'

export type Result = 'stored' | 'failed' | 'superseded'

export interface WorkerMetrics {
  text(): Promise<string>
  /** A document that is begun; call the answer when it ended. */
  started(): (result: Result, chunks: number) => void
  superseded(): void
  retried(): void
  buried(): void
}

/**
 * `ragscale_worker_*`, the names that dashboards, alerts and autoscaling rely on. The queue's own are those of the
 * whole queue, the same from each worker: take the maximum over them, not the sum.
 * @param look asks the queue; null where there is none
 */
export function createMetrics(look: (() => Promise<QueueState>) | null): WorkerMetrics {
  const registry = new Registry()
  processMetrics(registry)
  const registers = [registry]
  const documents = new Counter({
    name: 'ragscale_worker_documents_total',
    help: 'Documents by result.',
    labelNames: ['result'],
    registers,
  })
  const chunks = new Counter({ name: 'ragscale_worker_chunks_total', help: 'Chunks stored.', registers })
  const working = new Gauge({
    name: 'ragscale_worker_in_flight',
    help: 'Documents being written.',
    registers,
  })
  const duration = new Histogram({
    name: 'ragscale_worker_document_duration_seconds',
    help: 'From a document to its chunks stored.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const queue = look === null ? null : queueMetrics(registry, look)
  return {
    text: async () => {
      await queue?.look()
      return await registry.metrics()
    },
    started: () => {
      working.inc()
      const endTimer = duration.startTimer()
      return (result, stored) => {
        working.dec()
        endTimer()
        documents.inc({ result })
        chunks.inc(stored)
      }
    },
    superseded: () => documents.inc({ result: 'superseded' }),
    retried: () => queue?.retries.inc(),
    buried: () => queue?.buried.inc(),
  }
}

function queueMetrics(registry: Registry, look: () => Promise<QueueState>) {
  const registers = [registry]
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `ragscale_worker_queue_${name}`, help, registers })
  const backlog = gauge('backlog', 'Documents queued and not stored yet, those being written included.')
  const pending = gauge('pending', 'Documents that some worker has taken and not stored yet.')
  const dead = gauge('dead_letters', 'Documents given up after their last try.')
  const up = gauge('up', '1 when the queue answered; 0: the other figures are those of the last time it did.')
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  return {
    retries: counter('ragscale_worker_queue_retries_total', 'Documents taken up again by this worker.'),
    buried: counter('ragscale_worker_queue_dead_letters_total', 'Documents given up by this worker.'),
    look: async () => {
      try {
        const state = await look()
        backlog.set(state.backlog)
        pending.set(state.pending)
        dead.set(state.deadLetters)
        up.set(1)
      } catch {
        up.set(0)
      }
    },
  }
}
