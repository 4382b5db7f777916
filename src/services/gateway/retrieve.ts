import { QdrantClient } from '@qdrant/js-client-rest'
import type { GatewayConfig } from './config.ts'
import { UpstreamError } from './upstream.ts'
import type { Upstreams } from './upstreams.ts'

/** Nearest passages from Qdrant, with the text and source that `ragscale ingest` stored. */
export function qdrantRetriever(
  config: GatewayConfig['vector'],
  apiKey: string | undefined,
  timeoutMs: number,
): Upstreams['retrieve'] {
  const client = new QdrantClient({
    url: config.url,
    port: null,
    timeout: timeoutMs,
    checkCompatibility: false,
    ...(apiKey === undefined ? {} : { apiKey }),
  })
  return async (vector, limit, { signal }) => {
    signal.throwIfAborted()
    try {
      const { points } = await client.query(config.collection, { query: vector, limit, with_payload: true })
      return points.map(({ id, score, payload }) => ({
        id,
        score,
        text: typeof payload?.['text'] === 'string' ? payload['text'] : '',
        source: typeof payload?.['source'] === 'string' ? payload['source'] : null,
      }))
    } catch (error) {
      if (signal.aborted) throw error
      const status =
        error instanceof Error && 'status' in error && typeof error.status === 'number'
          ? error.status
          : undefined
      const message = error instanceof Error ? error.message : String(error)
      throw new UpstreamError('retrieve', `retrieve: ${config.url} failed: ${message}`, {
        ...(status === undefined ? {} : { status }),
        cause: error,
      })
    }
  }
}
