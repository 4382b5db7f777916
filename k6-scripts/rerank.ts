// Stage `rerank`: one query and its candidate texts a request, to TEI's `/rerank`.
import { arrival, bodies, pick, request } from 'k6/x/ragscale'
import { headers, options as planOptions, plan, queries, sharedQueries, uniqueText, urlOf } from './plan.ts'
import * as tei from './protocols/tei.ts'

export const options = planOptions()
const texts = plan.target.unique === true ? sharedQueries() : null
const prepared = texts === null ? bodies('rerank', () => queries().map(tei.rerankBody)) : null
const common = { method: 'POST', headers: headers(), timeoutMs: plan.timeoutMs }

export default function rerank(): void {
  const { index, step } = arrival()
  const url = urlOf(index, tei.rerankPath)
  const chosen = pick()
  const asked = texts?.[chosen]
  if (prepared !== null) request({ ...common, url, bodies: prepared, index: chosen })
  else if (asked !== undefined) {
    request({
      ...common,
      url,
      body: tei.rerankBody({ ...asked, query: uniqueText({ step, index }, asked.query) }),
    })
  }
}
