import * as z from 'zod'
import type { Source } from './cache.ts'
import { postJson } from './http.ts'
import { UpstreamError } from './upstream.ts'
import type { Call } from './visit.ts'

const ranks = z.array(z.object({ index: z.int().nonnegative(), score: z.number() }))

/** The `limit` best passages in the order of TEI's `/rerank`, each with the reranker's score. */
export async function rerank(
  url: string,
  query: string,
  candidates: readonly Source[],
  limit: number,
  call: Call,
): Promise<Source[]> {
  const body = { query, texts: candidates.map(({ text }) => text), truncate: true }
  const answer = ranks.safeParse(await postJson('rerank', `${url}/rerank`, body, call))
  if (!answer.success)
    throw new UpstreamError('rerank', `rerank: ${url} answered with something that is not a ranking`, {
      status: 502,
    })
  return answer.data
    .toSorted((a, b) => b.score - a.score)
    .flatMap(({ index, score }) => {
      const candidate = candidates[index]
      return candidate === undefined ? [] : [{ ...candidate, score }]
    })
    .slice(0, limit)
}
