/** What the gateway calls, with the keys that it needs for that, read once. */
import { requiredSecret } from '../secrets.ts'
import type { Environment } from '../secrets.ts'
import type { Source } from './cache.ts'
import type { GatewayConfig } from './config.ts'
import { embed } from './embed.ts'
import { generate } from './generate.ts'
import type { GenerateEvent } from './generate.ts'
import type { ChatMessage } from './prompt.ts'
import { rerank } from './rerank.ts'
import { qdrantRetriever } from './retrieve.ts'
import type { Call } from './visit.ts'

export interface Upstreams {
  embed(query: string, call: Call): Promise<number[]>
  /** Nearest passages first. */
  retrieve(vector: number[], limit: number, call: Call): Promise<Source[]>
  /** The best `limit` of them; null where nothing reranks. */
  readonly rerank:
    | ((query: string, candidates: readonly Source[], limit: number, call: Call) => Promise<Source[]>)
    | null
  /** Resolves once the upstream has accepted the request. */
  generate(
    messages: readonly ChatMessage[],
    maxTokens: number,
    call: Call,
  ): Promise<AsyncIterable<GenerateEvent>>
}

/** @throws Error that names the variable of a key which is not to be had */
export function openUpstreams(config: GatewayConfig, env: Environment): Upstreams {
  const { timeouts, rerank: reranker } = config
  const embedKey = bearer(requiredSecret(config.embed.apiKeyEnv, env))
  const generateKey = bearer(requiredSecret(config.generate.apiKeyEnv, env))
  const vectorKey = requiredSecret(config.vector.apiKeyEnv, env)
  return {
    embed: (query, { signal, headers }) =>
      embed(config.embed, query, { signal, headers: { ...headers, ...embedKey } }),
    retrieve: qdrantRetriever(config.vector, vectorKey, timeouts.retrieveMs),
    rerank:
      reranker === null
        ? null
        : (query, candidates, limit, call) => rerank(reranker.url, query, candidates, limit, call),
    generate: (messages, maxTokens, { signal, headers }) =>
      generate(config.generate, messages, maxTokens, {
        signal,
        headers: { ...headers, ...generateKey },
        idleTimeoutMs: timeouts.generateIdleMs,
      }),
  }
}

function bearer(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` }
}
