// The reference gateway's own API.
import type { Query, Target } from '../plan.ts'

export const queryPath = '/query'

export function queryBody(query: Query, target: Target): string {
  const outputTokens = query.outputTokens ?? target.outputTokens
  return JSON.stringify({
    query: query.query,
    stream: target.stream ?? true,
    ...(target.topK === undefined ? {} : { topK: target.topK }),
    ...(outputTokens === undefined ? {} : { maxTokens: outputTokens }),
  })
}

export function accept(target: Target): Record<string, string> {
  return { accept: (target.stream ?? true) ? 'text/event-stream' : 'application/json' }
}
