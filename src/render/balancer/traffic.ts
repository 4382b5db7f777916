/** How each tier's requests look: what a balancer's limits and timeouts follow. */
import type { Traffic } from '../../catalog/balancing.ts'
import type { BalancedTier } from '../../catalog/container.ts'

const mebibyte = 2 ** 20

export const trafficOf: Readonly<Record<BalancedTier, Traffic>> = {
  // The gateway takes 1 MiB. Its answers are streams; 600 s pass before the first token of a long queue.
  gateway: { maxBodyBytes: 2 * mebibyte, silenceSeconds: 600, streams: true, readsWholeRequest: true },
  // TEI takes 2 MB (`--payload-limit`) and answers when the batch is done.
  embed: { maxBodyBytes: 4 * mebibyte, silenceSeconds: 120, streams: false, readsWholeRequest: true },
  // Qdrant takes 32 MiB (`service.max_request_size_mb`): points are written in batches.
  vector: { maxBodyBytes: 64 * mebibyte, silenceSeconds: 120, streams: false, readsWholeRequest: true },
  rerank: { maxBodyBytes: 4 * mebibyte, silenceSeconds: 120, streams: false, readsWholeRequest: true },
  // A prompt of 128,000 tokens is below 1 MiB, as JSON below 2; images in it are larger.
  generate: { maxBodyBytes: 16 * mebibyte, silenceSeconds: 600, streams: true, readsWholeRequest: true },
  // The worker takes 8 MiB. Documents go through without being kept here; it answers when all is written.
  worker: { maxBodyBytes: 16 * mebibyte, silenceSeconds: 600, streams: false, readsWholeRequest: false },
}
