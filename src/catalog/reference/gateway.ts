import type { Container, Deployment } from '../container.ts'
import { providerOf } from '../provided.ts'
import { cacheBytes } from '../redis/size.ts'
import { mebibyte, showBytes } from '../resources.ts'
import { moreBucketsMs } from './buckets.ts'
import { ownHealth, ownService } from './service.ts'
import { embedUpstream, redisAt, upstream, upstreamSecrets, vectorUpstream } from './upstreams.ts'

const port = 8080

/** The longest answer that should end well when a replica goes: the gateway's own limit of a query is 120 s. */
const graceSeconds = 120

export function gatewayContainer({ stack, addresses }: Deployment): Container {
  const { tiers, workload } = stack
  const shared = tiers.cache?.component === 'redis' ? redisAt(addresses.host('cache', 6379)) : undefined
  const bucketsMs = moreBucketsMs(stack)
  const cachedBytes = shared === undefined ? cacheBytes(stack) : 0
  return ownService({
    service: 'gateway',
    config: {
      host: '0.0.0.0',
      port,
      embed: embedUpstream(stack, addresses),
      vector: { ...vectorUpstream(stack, addresses), collection: tiers.vector?.collection.name },
      rerank: tiers.rerank === undefined ? null : upstream(stack, 'rerank', addresses),
      generate: {
        ...upstream(stack, 'generate', addresses),
        // A provider's limit is per minute: it is worth waiting for, where a full server of one's own is not.
        ...(providerOf(stack, 'generate') === undefined ? {} : { patienceMs: 30_000 }),
        model: tiers.generate?.model,
        maxTokens: workload.outputTokens,
      },
      topK: workload.topK,
      ...(tiers.cache === undefined ? {} : { cache: { ...tiers.cache.cache } }),
      ...(bucketsMs.length === 0 ? {} : { bucketsMs }),
      drain: { noticeMs: 5_000, graceMs: graceSeconds * 1_000 },
    },
    image: tiers.gateway?.image,
    ...(shared === undefined ? {} : { env: shared.env }),
    tracesEnv: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    secrets: [
      ...upstreamSecrets(stack, ['embed', 'vector', 'generate']),
      ...(shared === undefined ? [] : [shared.secret]),
    ],
    ports: { http: port },
    health: ownHealth(port, '/readyz', '/healthz'),
    reservation: {
      cpus: 1,
      memoryBytes: 256 * mebibyte + cachedBytes,
      because: [
        'one event loop cannot use more than a core; 256 MiB hold the process and its queries in flight',
        ...(cachedBytes === 0 ? [] : [`${showBytes(cachedBytes)} the caches that it keeps by itself`]),
      ].join(', '),
    },
    override: tiers.gateway?.resources,
    graceSeconds,
  })
}
