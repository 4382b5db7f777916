// Stage `pipeline`: a whole query, to the reference gateway or to any RAG service over HTTP.
import { arrival, bodies, fail, pick, query, request } from 'k6/x/ragscale'
import { headers, options as planOptions, plan, queries, sharedQueries, uniqueText, urlOf } from './plan.ts'
import type { Query } from './plan.ts'
import * as http from './protocols/http.ts'
import * as ragscale from './protocols/ragscale.ts'

const { target } = plan
const isGateway = target.protocol === 'ragscale'
const streams = isGateway && (target.stream ?? true)
// An endpoint of protocol http is named in full; the gateway's path is ours.
const path = isGateway ? ragscale.queryPath : ''
const answer = isGateway || target.answer === undefined ? null : http.parsePath(target.answer)
const render = (asked: Query): string =>
  isGateway ? ragscale.queryBody(asked, target) : http.body(asked, target)

export const options = planOptions()
const texts = target.unique === true ? sharedQueries() : null
const prepared = texts === null ? bodies('pipeline', () => queries().map(render)) : null
const common = {
  method: 'POST',
  headers: isGateway ? { ...headers(), ...ragscale.accept(target) } : headers(),
  timeoutMs: plan.timeoutMs,
  keepBody: answer !== null,
}

export default function pipeline(): void {
  const { index, step } = arrival()
  const chosen = pick()
  const asked = texts?.[chosen]
  const content =
    prepared === null
      ? {
          body:
            asked === undefined ? '' : render({ ...asked, query: uniqueText({ step, index }, asked.query) }),
        }
      : { bodies: prepared, index: chosen }
  const send = streams ? query : request
  const result = send({ ...common, url: urlOf(index, path), ...content })
  if (answer !== null && result.ok && !http.answers(result.body, answer)) fail('malformed')
}
