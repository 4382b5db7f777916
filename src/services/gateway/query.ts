import { cacheKey, normalizeQuery } from './cache.ts'
import type { Answer, Source, Usage } from './cache.ts'
import { findSources, lookUp } from './find.ts'
import type { Search } from './find.ts'
import { promptOf } from './prompt.ts'
import type { ChatMessage } from './prompt.ts'
import { UpstreamError } from './upstream.ts'
import { withOwnTime } from './visit.ts'
import type { GatewayParts, Timings, Visit } from './visit.ts'

export interface Query extends Search {
  readonly maxTokens: number
}

interface Done {
  readonly type: 'done'
  readonly timings: Timings
  readonly cache: Visit['cache']
  readonly answer: string
  /** Null when the model's server did not say. */
  readonly usage: Usage | null
}

export type AnswerEvent =
  | { readonly type: 'sources'; readonly sources: readonly Source[]; readonly timings: Timings }
  | { readonly type: 'token'; readonly text: string }
  | (Done & { readonly sources?: readonly Source[] })

/** embed → retrieve → (rerank) → generate, each skipped where its cache knows the answer. */
export async function* answerQuery(
  parts: GatewayParts,
  query: Query,
  visit: Visit,
): AsyncGenerator<AnswerEvent> {
  const { config, caches } = parts
  const key = cacheKey(
    normalizeQuery(query.query),
    query.topK,
    query.maxTokens,
    config.vector.collection,
    config.generate.model,
  )
  const known = await lookUp(caches.answer, key, visit)
  if (known !== undefined) {
    yield { type: 'sources', sources: known.sources, timings: visit.timings }
    yield { type: 'token', text: known.answer }
    yield { type: 'done', ...known, cache: visit.cache, timings: withOwnTime(parts, visit) }
    return
  }
  const sources = await findSources(parts, query, visit)
  yield { type: 'sources', sources, timings: visit.timings }
  const { answer, usage } = yield* stream(parts, promptOf(query.query, sources), query.maxTokens, visit)
  const complete: Answer = { answer, sources, usage }
  await caches.answer.set(key, complete)
  yield { type: 'done', ...complete, cache: visit.cache, timings: withOwnTime(parts, visit) }
}

/** Only the last stage: an answer to messages that the caller brings. No cache knows it. */
export async function* answerMessages(
  parts: GatewayParts,
  messages: readonly ChatMessage[],
  maxTokens: number,
  visit: Visit,
): AsyncGenerator<AnswerEvent> {
  const generated = yield* stream(parts, messages, maxTokens, visit)
  yield { type: 'done', ...generated, cache: visit.cache, timings: withOwnTime(parts, visit) }
}

/** Yields the tokens as they come; the stage, and its span, last until the last one. */
async function* stream(
  parts: GatewayParts,
  messages: readonly ChatMessage[],
  maxTokens: number,
  { signal, span: whole, timings }: Visit,
): AsyncGenerator<AnswerEvent & { type: 'token' }, { answer: string; usage: Usage | null }> {
  const { policies, upstreams, config, now } = parts
  const since = now()
  const span = whole.child('generate', {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': config.generate.model,
    'gen_ai.request.max_tokens': maxTokens,
  })
  let answer = ''
  let usage: Usage | null = null
  let failure: unknown
  try {
    // An attempt ends when the upstream accepts; its stream lasts as long as the request may.
    const events = await policies.generate.run(
      () => upstreams.generate(messages, maxTokens, { signal, headers: span.headers }),
      signal,
    )
    for await (const event of events) {
      if (event.type === 'usage') {
        usage = event.usage
        continue
      }
      if (answer === '') span.event('first token')
      answer += event.text
      yield event
    }
  } catch (error) {
    failure = error
    throw error
  } finally {
    timings.generate = now() - since
    span.set({
      'gen_ai.usage.input_tokens': usage?.prompt_tokens,
      'gen_ai.usage.output_tokens': usage?.completion_tokens,
    })
    span.end(failure)
  }
  return { answer, usage }
}

/** The status that a failed query is answered with: 429 and 503 stay what they are, so that callers back off. */
export function statusOf(error: unknown): number {
  if (!(error instanceof UpstreamError)) return 500
  if (error.isBackpressure) return error.status ?? 503
  return error.status === 504 ? 504 : 502
}
