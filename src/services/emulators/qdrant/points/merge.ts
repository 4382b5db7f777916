import type { Hit } from '../storage/read.ts'
import { comparePointIds } from '../wire/point-id.ts'
import type { ReadAnswer } from './answer.ts'
import type { FindRequest, ReadRequest } from './request.ts'

type Compare = (a: Hit, b: Hit) => number

/** The order of an answer's hits, the same whoever merges. */
export function orderOf(find: FindRequest, largerIsNearer: boolean): Compare {
  const byId: Compare = (a, b) => comparePointIds(a.id, b.id)
  const sign = find.vector === null ? (find.order?.descending ? 1 : -1) : largerIsNearer ? 1 : -1
  if (find.vector === null && find.order === null) return byId
  return (a, b) => sign * (b.score - a.score) || byId(a, b)
}

/** The first `limit` of several ordered lists. */
export function mergeHits(lists: readonly (readonly Hit[])[], compare: Compare, limit: number): Hit[] {
  if (lists.length === 1) return lists[0]!.slice(0, limit)
  return lists.flat().sort(compare).slice(0, limit)
}

/** One answer out of those of several nodes, or of several shards. */
export function mergeAnswers(
  answers: readonly ReadAnswer[],
  read: ReadRequest,
  largerIsNearer: boolean,
): ReadAnswer {
  if (answers.length === 1) return answers[0]!
  return {
    hits:
      read.kind === 'find'
        ? read.finds.map((find, index) =>
            mergeHits(
              answers.map((answer) => answer.hits[index]!),
              orderOf(find, largerIsNearer),
              find.limit,
            ),
          )
        : [answers.flatMap((answer) => answer.hits[0] ?? [])],
    count: answers.reduce((sum, answer) => sum + answer.count, 0),
    infos: answers.flatMap((answer) => answer.infos),
  }
}

/** Hits that at least `needed` of several replicas' answers hold alike. */
export function agreedHits(lists: readonly (readonly Hit[])[], needed: number): Hit[] {
  const nameOf = ({ id, version }: Hit) => `${String(id)}@${version}`
  const times = new Map<string, number>()
  for (const hit of lists.flat()) times.set(nameOf(hit), (times.get(nameOf(hit)) ?? 0) + 1)
  const seen = new Set<string>()
  return lists.flat().filter((hit) => {
    const name = nameOf(hit)
    if (seen.has(name) || times.get(name)! < needed) return false
    seen.add(name)
    return true
  })
}
