import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { connectRedis } from '../redis.ts'
import type { RedisConnection } from '../redis.ts'
import type { GatewayConfig } from './config.ts'

export type CacheName = 'embedding' | 'retrieval' | 'answer'
export type CacheState = 'hit' | 'miss' | 'off'

/** One cache: values by key, each for a limited time. A cache that fails is a miss, never an error of the query. */
export interface Cache<Value> {
  readonly name: CacheName
  readonly on: boolean
  get(key: string): Promise<Value | undefined>
  set(key: string, value: Value): Promise<void>
}

/** A key of bounded length that does not show the query's text to whoever lists the keys. */
export function cacheKey(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}

/** The same question in other white space or case is the same question. */
export function normalizeQuery(query: string): string {
  return query.trim().replaceAll(/\s+/g, ' ').toLowerCase()
}

export function memoryCache<Value extends object>(
  name: CacheName,
  ttlMs: number | null,
  entries: number,
): Cache<Value> {
  if (ttlMs === null)
    return { name, on: false, get: () => Promise.resolve(undefined), set: () => Promise.resolve() }
  const lru = new LRUCache<string, Value>({ max: entries, ttl: ttlMs })
  return {
    name,
    on: true,
    get: (key) => Promise.resolve(lru.get(key)),
    set: (key, value) => {
      lru.set(key, value)
      return Promise.resolve()
    },
  }
}

export function redisCache<Value extends object>(
  client: Pick<RedisConnection, 'get' | 'set'>,
  name: CacheName,
  ttlMs: number | null,
  onFailure: (cache: CacheName, error: unknown) => void,
): Cache<Value> {
  if (ttlMs === null) return memoryCache(name, null, 1)
  const prefix = `ragscale:${name}:`
  return {
    name,
    on: true,
    get: async (key) => {
      try {
        const text = await client.get(prefix + key)
        return text === null ? undefined : (JSON.parse(text) as Value)
      } catch (error) {
        onFailure(name, error)
        return undefined
      }
    },
    set: async (key, value) => {
      try {
        await client.set(prefix + key, JSON.stringify(value), { expiration: { type: 'PX', value: ttlMs } })
      } catch (error) {
        onFailure(name, error)
      }
    },
  }
}

export interface Source {
  readonly id: string | number
  readonly score: number
  readonly text: string
  readonly source: string | null
}

export interface Answer {
  readonly answer: string
  readonly sources: readonly Source[]
  /** Null when the model's server did not say. */
  readonly usage: Usage | null
}

export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
}

export interface Caches {
  readonly embedding: Cache<{ vector: number[] }>
  readonly retrieval: Cache<{ sources: readonly Source[] }>
  readonly answer: Cache<Answer>
  close(): Promise<void>
}

/** Redis when its URL is given (shared by every replica), else an LRU in this process. */
export async function openCaches(
  config: GatewayConfig['cache'],
  redisUrl: string | undefined,
  onFailure: (cache: CacheName, error: unknown) => void,
): Promise<Caches> {
  if (redisUrl === undefined) {
    return {
      embedding: memoryCache('embedding', config.embeddings, config.entries),
      retrieval: memoryCache('retrieval', config.retrievals, config.entries),
      answer: memoryCache('answer', config.answers, config.entries),
      close: () => Promise.resolve(),
    }
  }
  const client = await connectRedis(redisUrl, (error) => onFailure('embedding', error))
  return {
    embedding: redisCache(client, 'embedding', config.embeddings, onFailure),
    retrieval: redisCache(client, 'retrieval', config.retrievals, onFailure),
    answer: redisCache(client, 'answer', config.answers, onFailure),
    close: () => {
      if (client.isOpen) client.destroy()
      return Promise.resolve()
    },
  }
}
