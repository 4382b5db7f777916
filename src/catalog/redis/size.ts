/** What the gateway's caches take, from what the stack declares. */
import type { Stack } from '../../stack/stack.ts'

/** A chunk has at most 180 words (src/ingest/chunk.ts) of about six bytes each, and an id, a score and its source. */
const passageBytes = 1_400
/** A component of a vector in JSON: sign, point, about nine digits, comma. */
const jsonNumberBytes = 12
/** Of an English token. */
const tokenBytes = 5
/** Redis' dictionary entry, key of 50 characters, object headers, expiry; measured by others at 90–180 bytes a key. */
const keyBytes = 160
/** Passages that are retrieved before reranking: the gateway's default `candidates`. */
const candidates = 20

/** Bytes that the cached entries of every kind take together, with a quarter on top for the allocator; 0 without a cache. */
export function cacheBytes({ tiers, workload }: Stack): number {
  const cache = tiers.cache?.cache
  if (cache === undefined) return 0
  const retrieved = tiers.rerank === undefined ? workload.topK : Math.max(workload.topK, candidates)
  const each =
    (cache.embeddings === null
      ? 0
      : (tiers.vector?.collection.dimensions ?? 0) * jsonNumberBytes + keyBytes) +
    (cache.retrievals === null ? 0 : retrieved * passageBytes + keyBytes) +
    (cache.answers === null
      ? 0
      : workload.outputTokens * tokenBytes + workload.topK * passageBytes + keyBytes)
  return Math.ceil(cache.entries * each * 1.25)
}
