import type { Container, Deployment } from '../container.ts'
import { mebibyte } from '../resources.ts'
import { ownHealth, ownService } from './service.ts'
import { embedUpstream, redisAt, upstreamSecrets, vectorUpstream } from './upstreams.ts'

const port = 8080

/** What a document that is being written may take to be stored; one that is cut off is taken up by another worker. */
const graceSeconds = 60

/** The stream that documents wait in, and the group of all workers that take from it. */
const queueNames = { stream: 'ragscale:documents', group: 'workers' }

export function workerContainer({ stack, addresses }: Deployment): Container {
  const { tiers, support } = stack
  const queue = support.queue === undefined ? undefined : redisAt(addresses.host('queue', 6379))
  return ownService({
    service: 'worker',
    config: {
      host: '0.0.0.0',
      port,
      embed: embedUpstream(stack, addresses),
      vector: vectorUpstream(stack, addresses),
      collection: { ...tiers.vector?.collection },
      ...(queue === undefined ? {} : { queue: queueNames }),
      drain: { noticeMs: 5_000, graceMs: graceSeconds * 1_000 },
    },
    image: tiers.worker?.image,
    ...(queue === undefined ? {} : { env: queue.env }),
    tracesEnv: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    secrets: [...upstreamSecrets(stack, ['embed', 'vector']), ...(queue === undefined ? [] : [queue.secret])],
    ports: { http: port },
    health: ownHealth(port, '/readyz', '/healthz'),
    reservation: {
      cpus: 0.5,
      memoryBytes: 384 * mebibyte,
      because: 'it waits for embeddings most of the time; up to 32 documents of 8 MB are in memory at once',
    },
    override: tiers.worker?.resources,
    graceSeconds,
  })
}
