import { cacheKey, normalizeQuery } from './cache.ts'
import type { Answer, Cache, CacheName, CacheState, Caches, Source, Usage } from './cache.ts'
import type { GatewayConfig } from './config.ts'
import { embed } from './embed.ts'
import { generate } from './generate.ts'
import { promptOf } from './prompt.ts'
import { rerank } from './rerank.ts'
import type { Retrieve } from './retrieve.ts'
import { UpstreamError } from './upstream.ts'
import type { UpstreamPolicy, UpstreamStage } from './upstream.ts'

/** Milliseconds spent in each stage; a stage that a cache made unnecessary is absent. */
export type Timings = Partial<Record<UpstreamStage | 'gateway', number>>

export interface Query {
  readonly query: string
  readonly topK: number
  readonly maxTokens: number
}

export type QueryEvent =
  | { readonly type: 'sources'; readonly sources: readonly Source[]; readonly timings: Timings }
  | { readonly type: 'token'; readonly text: string }
  | ({
      readonly type: 'done'
      readonly timings: Timings
      readonly cache: Record<CacheName, CacheState>
    } & Answer)

export interface QueryParts {
  readonly config: GatewayConfig
  readonly caches: Caches
  readonly retrieve: Retrieve
  readonly policies: Readonly<Record<UpstreamStage, UpstreamPolicy>>
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
}

/** embed → retrieve → (rerank) → generate, each skipped where its cache knows the answer. */
export async function* answerQuery(
  parts: QueryParts,
  query: Query,
  signal: AbortSignal,
): AsyncGenerator<QueryEvent> {
  const { config, caches, now } = parts
  const startedAt = now()
  const timings: Timings = {}
  const cache: Record<CacheName, CacheState> = {
    embedding: caches.embedding.on ? 'miss' : 'off',
    retrieval: caches.retrieval.on ? 'miss' : 'off',
    answer: caches.answer.on ? 'miss' : 'off',
  }
  const text = normalizeQuery(query.query)
  const retrievalKey = cacheKey(text, query.topK, config.vector.collection, config.rerank?.url ?? '')
  const answerKey = cacheKey(
    text,
    query.topK,
    query.maxTokens,
    config.vector.collection,
    config.generate.model,
  )

  const known = await lookUp(caches.answer, answerKey, cache)
  if (known !== undefined) {
    yield { type: 'sources', sources: known.sources, timings }
    yield { type: 'token', text: known.answer }
    yield { type: 'done', ...known, cache, timings: withOwnTime(timings, now() - startedAt) }
    return
  }

  const cached = await lookUp(caches.retrieval, retrievalKey, cache)
  const sources = cached?.sources ?? (await findSources(parts, query, text, { cache, timings, signal }))
  if (cached === undefined) await caches.retrieval.set(retrievalKey, { sources })
  yield { type: 'sources', sources, timings }

  const generatingSince = now()
  const stream = await parts.policies.generate.run(
    () =>
      generate(config.generate, promptOf(query.query, sources), query.maxTokens, {
        signal,
        idleTimeoutMs: config.timeouts.generateIdleMs,
      }),
    signal,
  )
  let answer = ''
  let usage: Usage | null = null
  for await (const event of stream) {
    if (event.type === 'usage') usage = event.usage
    else {
      answer += event.text
      yield event
    }
  }
  timings.generate = now() - generatingSince
  const complete: Answer = { answer, sources, usage }
  await caches.answer.set(answerKey, complete)
  yield { type: 'done', ...complete, cache, timings: withOwnTime(timings, now() - startedAt) }
}

interface Progress {
  readonly cache: Record<CacheName, CacheState>
  readonly timings: Timings
  readonly signal: AbortSignal
}

async function findSources(
  parts: QueryParts,
  query: Query,
  text: string,
  progress: Progress,
): Promise<Source[]> {
  const { config, caches, policies } = parts
  const { cache, timings, signal } = progress
  const embeddingKey = cacheKey(text, config.embed.model ?? '')
  const known = await lookUp(caches.embedding, embeddingKey, cache)
  let vector = known?.vector
  if (vector === undefined) {
    vector = await timed(parts, timings, 'embed', () =>
      policies.embed.run((attempt) => embed(config.embed, query.query, attempt), signal),
    )
    await caches.embedding.set(embeddingKey, { vector })
  }
  const found = vector
  const limit = config.rerank === null ? query.topK : Math.max(query.topK, config.candidates)
  const candidates = await timed(parts, timings, 'retrieve', () =>
    policies.retrieve.run((attempt) => parts.retrieve(found, limit, attempt), signal),
  )
  const reranker = config.rerank
  if (reranker === null || candidates.length === 0) return candidates
  return await timed(parts, timings, 'rerank', () =>
    policies.rerank.run(
      (attempt) => rerank(reranker.url, query.query, candidates, query.topK, attempt),
      signal,
    ),
  )
}

async function lookUp<Value>(
  cache: Cache<Value>,
  key: string,
  states: Record<CacheName, CacheState>,
): Promise<Value | undefined> {
  const value = await cache.get(key)
  if (value !== undefined) states[cache.name] = 'hit'
  return value
}

async function timed<T>(
  parts: QueryParts,
  timings: Timings,
  stage: UpstreamStage,
  call: () => Promise<T>,
): Promise<T> {
  const since = parts.now()
  try {
    return await call()
  } finally {
    timings[stage] = parts.now() - since
  }
}

/** The gateway's own share: what the query took beyond what its stages did. */
function withOwnTime(timings: Timings, totalMs: number): Timings {
  const stages = Object.values(timings).reduce((sum, ms) => sum + ms, 0)
  return { ...timings, gateway: Math.max(0, totalMs - stages) }
}

/** The status that a failed query is answered with: 429 and 503 stay what they are, so that callers back off. */
export function statusOf(error: unknown): number {
  if (!(error instanceof UpstreamError)) return 500
  if (error.isBackpressure) return error.status ?? 503
  return error.status === 504 ? 504 : 502
}
