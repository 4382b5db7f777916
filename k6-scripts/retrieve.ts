// Stage `retrieve`: the nearest points of a query's vector, from Qdrant, and how many of the true ones came back.
import { arrival, bodies, fail, pick, recall, request } from 'k6/x/ragscale'
import { SharedArray } from 'k6/data'
import { headers, options as planOptions, plan, queries, urlOf } from './plan.ts'
import * as qdrant from './protocols/qdrant.ts'

const { target } = plan
const path = qdrant.queryPath(target)
const topK = target.topK ?? 5

export const options = planOptions()
const prepared = bodies('retrieve', () => queries().map((query) => qdrant.queryBody(query, target)))
const expected = new SharedArray<(string | number)[]>('ragscale expected', () =>
  queries().map((query) => query.expected ?? []),
)
const common = { method: 'POST', headers: headers(qdrant.keyHeader), timeoutMs: plan.timeoutMs }

export default function retrieve(): void {
  const { index } = arrival()
  const chosen = pick()
  const truth = expected[chosen] ?? []
  const keepBody = truth.length > 0
  const result = request({ ...common, url: urlOf(index, path), bodies: prepared, index: chosen, keepBody })
  if (!result.ok || !keepBody) return
  const found = qdrant.idsOf(result.body)
  if (found === null) fail('malformed')
  else recall(qdrant.recallAt(topK, found, truth))
}
