// Stage `generate`: one streamed chat completion a request, tokens timed by the extension.
import { arrival, bodies, chat, pick } from 'k6/x/ragscale'
import { headers, options as planOptions, plan, queries, sharedQueries, uniqueText, urlOf } from './plan.ts'
import type { Query } from './plan.ts'
import * as openai from './protocols/openai.ts'

const { target } = plan
const path = openai.pathAfter(target.urls[0], openai.chatPath)
const render = (query: Query): string => openai.chatBody(query, target)

export const options = planOptions()
const texts = target.unique === true ? sharedQueries() : null
const prepared = texts === null ? bodies('generate', () => queries().map(render)) : null
const common = {
  method: 'POST',
  headers: { ...headers(), accept: 'text/event-stream' },
  timeoutMs: plan.timeoutMs,
}

export default function generate(): void {
  const { index, step } = arrival()
  const url = urlOf(index, path)
  const chosen = pick()
  const asked = texts?.[chosen]
  if (prepared !== null) chat({ ...common, url, bodies: prepared, index: chosen })
  else if (asked !== undefined) {
    chat({
      ...common,
      url,
      body: openai.chatBody(asked, target, (prompt) => uniqueText({ step, index }, prompt)),
    })
  }
}
