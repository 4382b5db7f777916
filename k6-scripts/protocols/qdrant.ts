// Qdrant's REST API.
import type { Query, Target } from '../plan.ts'

export function keyHeader(key: string): Record<string, string> {
  return { 'api-key': key }
}

export function queryPath(target: Target): string {
  if (target.collection === undefined) throw new Error('the retrieve stage needs a collection')
  return `/collections/${encodeURIComponent(target.collection)}/points/query`
}

/** With payload, because the text that a RAG system goes on with is in it. */
export function queryBody(query: Query, target: Target): string {
  if (query.vector === undefined) throw new Error('a query of the retrieve stage needs a vector')
  return JSON.stringify({ query: query.vector, limit: target.topK, with_payload: true })
}

/** Ids of the points found, nearest first; null when the answer is not one of Qdrant's. */
export function idsOf(body: string | null): string[] | null {
  if (body === null) return null
  try {
    const answer = JSON.parse(body) as { result?: { points?: { id: string | number }[] } }
    return answer.result?.points?.map((point) => String(point.id)) ?? null
  } catch {
    return null
  }
}

/** The share of the `k` nearest points that were found among the first `k` of an answer. */
export function recallAt(
  k: number,
  found: readonly string[],
  expected: readonly (string | number)[],
): number {
  const wanted = new Set(expected.slice(0, k).map(String))
  if (wanted.size === 0) return 1
  const hits = new Set(found.slice(0, k).filter((id) => wanted.has(id)))
  return hits.size / wanted.size
}
