import { cacheKey, normalizeQuery } from './cache.ts'
import type { Cache, Source } from './cache.ts'
import { atStage, withOwnTime } from './visit.ts'
import type { GatewayParts, Timings, Visit } from './visit.ts'

export interface Search {
  readonly query: string
  readonly topK: number
}

export interface Found {
  readonly sources: readonly Source[]
  readonly timings: Timings
  readonly cache: Visit['cache']
}

/** embed → retrieve → (rerank): the passages that a question is answered from, best first. */
export async function findSources(
  parts: GatewayParts,
  search: Search,
  visit: Visit,
): Promise<readonly Source[]> {
  const { config, caches } = parts
  const text = normalizeQuery(search.query)
  const key = cacheKey(text, search.topK, config.vector.collection, config.rerank?.url ?? '')
  const known = await lookUp(caches.retrieval, key, visit)
  if (known !== undefined) return known.sources
  const sources = await searchFor(parts, search, text, visit)
  await caches.retrieval.set(key, { sources })
  return sources
}

/** The same as an answer of its own. */
export async function find(parts: GatewayParts, search: Search, visit: Visit): Promise<Found> {
  const sources = await findSources(parts, search, visit)
  return { sources, timings: withOwnTime(parts, visit), cache: visit.cache }
}

async function searchFor(
  parts: GatewayParts,
  { query, topK }: Search,
  text: string,
  visit: Visit,
): Promise<Source[]> {
  const { config, upstreams } = parts
  const vector = await vectorOf(parts, query, text, visit)
  const limit = config.rerank === null ? topK : Math.max(topK, config.candidates)
  const asked = { 'db.system.name': 'qdrant', 'db.collection.name': config.vector.collection, limit }
  const candidates = await atStage(parts, visit, 'retrieve', asked, (call) =>
    upstreams.retrieve(vector, limit, call),
  )
  const { rerank } = upstreams
  if (rerank === null || candidates.length === 0) return candidates
  return await atStage(parts, visit, 'rerank', { candidates: candidates.length }, (call) =>
    rerank(query, candidates, topK, call),
  )
}

async function vectorOf(parts: GatewayParts, query: string, text: string, visit: Visit): Promise<number[]> {
  const { config, caches, upstreams } = parts
  const { model } = config.embed
  const key = cacheKey(text, model ?? '')
  const known = await lookUp(caches.embedding, key, visit)
  if (known !== undefined) return known.vector
  const vector = await atStage(parts, visit, 'embed', { 'gen_ai.request.model': model }, (call) =>
    upstreams.embed(query, call),
  )
  await caches.embedding.set(key, { vector })
  return vector
}

/** Asks a cache, and notes in the visit what it knew. */
export async function lookUp<Value>(
  cache: Cache<Value>,
  key: string,
  { cache: states }: Visit,
): Promise<Value | undefined> {
  const value = await cache.get(key)
  if (value !== undefined) states[cache.name] = 'hit'
  return value
}
