// OpenAI's REST API, as vLLM, TEI and many others speak it.
import type { Query, Target } from '../plan.ts'

export const embedPath = '/v1/embeddings'
export const chatPath = '/v1/chat/completions'

/** An endpoint's URL may end in `/v1`, as OpenAI's own base URL does. */
export function pathAfter(base: string | undefined, path: string): string {
  return /\/v1\/*$/.test(base ?? '') ? path.slice('/v1'.length) : path
}

export function embedBody(query: Query, target: Target): string {
  return JSON.stringify({ input: query.query, ...modelOf(target) })
}

/** `mark` changes the whole prompt at the last moment, from its beginning on. */
export function chatBody(
  query: Query,
  target: Target,
  mark: (prompt: string) => string = (text) => text,
): string {
  return JSON.stringify({
    ...modelOf(target),
    messages: [{ role: 'user', content: mark(prompt(query)) }],
    max_tokens: query.outputTokens ?? target.outputTokens,
    stream: true,
    stream_options: { include_usage: true },
  })
}

function modelOf(target: Target): { model?: string } {
  return target.model === undefined ? {} : { model: target.model }
}

/** The question after its documents, lengthened to about `inputTokens` where they are shorter than that. */
export function prompt(query: Query): string {
  const parts = [...(query.documents ?? []), query.query]
  const text = parts.join('\n\n')
  const missing = (query.inputTokens ?? 0) - Math.ceil(text.length / charactersPerToken)
  if (missing <= 0) return text
  return [filler(text, missing), ...parts].join('\n\n')
}

/** English averages four characters a token; each of these words and its space is one token to every usual tokenizer. */
const charactersPerToken = 4
const words =
  'the and for are but not you all can had her was one our out day get has him his how man new now old see two way who boy did its let put say she too use'.split(
    ' ',
  )

/** `count` words in an order that the text decides, so that two prompts share no prefix and a run can be repeated. */
export function filler(text: string, count: number): string {
  let state = 2166136261
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 16777619) >>> 0
  const drawn: string[] = []
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    // The low bits of a linear congruential generator repeat soon; the high ones do not.
    drawn.push(words[(state >>> 16) % words.length] ?? 'the')
  }
  return drawn.join(' ')
}
