// Stage `embed`: one query text a request, to TEI's `/embed` or an OpenAI-style `/v1/embeddings`.
import { arrival, bodies, pick, request } from 'k6/x/ragscale'
import { headers, options as planOptions, plan, queries, sharedQueries, uniqueText, urlOf } from './plan.ts'
import type { Query } from './plan.ts'
import * as openai from './protocols/openai.ts'
import * as tei from './protocols/tei.ts'

const { target } = plan
const isTei = target.protocol === 'tei'
const path = isTei ? tei.embedPath : openai.pathAfter(target.urls[0], openai.embedPath)
const render = (query: Query): string => (isTei ? tei.embedBody(query) : openai.embedBody(query, target))

export const options = planOptions()
const texts = target.unique === true ? sharedQueries() : null
const prepared = texts === null ? bodies('embed', () => queries().map(render)) : null
const common = { method: 'POST', headers: headers(), timeoutMs: plan.timeoutMs }

export default function embed(): void {
  const { index, step } = arrival()
  const url = urlOf(index, path)
  const chosen = pick()
  const asked = texts?.[chosen]
  if (prepared !== null) request({ ...common, url, bodies: prepared, index: chosen })
  else if (asked !== undefined) {
    request({ ...common, url, body: render({ ...asked, query: uniqueText({ step, index }, asked.query) }) })
  }
}
