/**
 * One request to somebody else's endpoint before thousands: a wrong model, key, dimension or path is then said
 * once and in the server's own words, in place of a run full of `http_404`.
 */
import { open } from 'node:fs/promises'
import { ExitCode, UserError } from '../errors.ts'
import { findAnswer, parseAnswerPath } from './answer-path.ts'
import type { Answer, Caller } from './http.ts'
import { callerOf, networkMessage } from './http.ts'
import type { LoadStage, LoadTarget } from './plan.ts'
import type { Query } from './query-lines.ts'

export interface TrialOptions {
  readonly stage: LoadStage
  readonly target: LoadTarget
  /** The prepared queries; the first is asked. */
  readonly queriesFile: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/**
 * Asks each URL once. A server that is busy (429, 503) passes: how it bears a load is what the test is there to
 * find. The gateway of protocol `ragscale` is not asked, because its caches would keep what it answers.
 * @throws UserError: exit 4 when it answers with an error or not at all, 2 when the answer is not where the stack says
 */
export async function tryOnce(options: TrialOptions): Promise<void> {
  const { target } = options
  if (target.protocol === 'ragscale') return
  const query = await firstQuery(options.queriesFile)
  for (const url of target.urls) {
    const caller = await callerOf({ ...target, urls: [url] }, options.env, options.signal)
    try {
      await ask(caller, query, options)
    } finally {
      await caller.close()
    }
  }
}

async function ask(caller: Caller, query: Query, options: TrialOptions): Promise<void> {
  const { stage, target, timeoutMs, signal } = options
  const path = pathOf(stage, target, caller.url)
  let answer: Answer
  try {
    answer = await caller.call(path, { body: bodyOf(stage, target, query), timeoutMs })
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw refused(stage, caller.url + path, networkMessage(error))
  }
  if (answer.status === 429 || answer.status === 503) return
  if (answer.status < 200 || answer.status >= 300) {
    const where = answer.location === null ? '' : `, to ${answer.location}`
    const words = answer.text.trim().slice(0, 300)
    throw refused(
      stage,
      caller.url + path,
      `it answered ${answer.status}${where}${words === '' ? '' : `: ${words}`}`,
      hintFor(answer.status, stage),
    )
  }
  if (target.protocol === 'http') {
    if (target.answer !== undefined) checkAnswer(answer.text, target.answer, caller.url)
  } else if (stage !== 'generate' && !isJson(answer.text)) {
    // A login page or a proxy's welcome: 200, quick, and not what was meant to be measured.
    const words = answer.text.trim().replaceAll(/\s+/g, ' ').slice(0, 100)
    throw refused(stage, caller.url + path, `it answered ${answer.status} and no JSON: ${words}`)
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function pathOf(stage: LoadStage, { protocol, collection }: LoadTarget, url: string): string {
  if (protocol === 'http') return ''
  if (stage === 'retrieve') return `/collections/${encodeURIComponent(collection ?? '')}/points/query`
  if (protocol === 'tei') return stage === 'rerank' ? '/rerank' : '/embed'
  const path = stage === 'embed' ? '/embeddings' : '/chat/completions'
  return url.endsWith('/v1') ? path : `/v1${path}`
}

function bodyOf(stage: LoadStage, target: LoadTarget, { query, vector, documents }: Query): unknown {
  const model = target.model === undefined ? {} : { model: target.model }
  switch (stage) {
    case 'embed':
      return target.protocol === 'tei' ? { inputs: query } : { ...model, input: query }
    case 'retrieve':
      return { query: vector, limit: target.topK, with_payload: false }
    case 'rerank':
      return { query, texts: documents?.slice(0, 1), truncate: true }
    case 'generate':
      return {
        ...model,
        messages: [{ role: 'user', content: query }],
        max_tokens: 1,
        stream: true,
        stream_options: { include_usage: true },
      }
    case 'pipeline':
      return target.body?.replaceAll('{{query}}', () => JSON.stringify(query))
  }
}

function checkAnswer(text: string, path: string, url: string): void {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw misplaced(url, `its answer is not JSON, so there is nothing at ${path}`)
  }
  const found = findAnswer(value, parseAnswerPath(path))
  if (found.kind === 'empty') throw misplaced(url, `what its answer has at ${path} is empty`)
  if (found.kind === 'missing')
    throw misplaced(url, `its answer has nothing at ${path}; at ${found.at} there is: ${found.there}`)
}

function hintFor(status: number, stage: LoadStage): string | undefined {
  if (status === 401 || status === 403) return 'set apiKeyEnv or headersEnv, and the variables that they name'
  if (status >= 300 && status < 400)
    return 'redirects are not followed: write the URL that it points to, if that host is meant'
  if (stage === 'retrieve' && status === 400)
    return 'the embedding model, and the vectors of the queries file, must be those that the collection was made with'
  return undefined
}

function refused(stage: LoadStage, url: string, what: string, hint?: string): UserError {
  return new UserError(`cannot load stage ${stage}: ${url}: ${what}`, {
    hint: hint ?? 'this is one request as the load test would send it: put right what the server names',
    exitCode: ExitCode.unhealthy,
    code: 'refused',
  })
}

function misplaced(url: string, what: string): UserError {
  return new UserError(`endpoints.pipeline.answer: ${url}: ${what}`, {
    hint: 'set answer to where the text is, such as $.answer or $.choices[0].text',
    exitCode: ExitCode.usage,
    code: 'config',
  })
}

/** The first line of the file, which may be large: no more of it is read. */
async function firstQuery(file: string): Promise<Query> {
  const handle = await open(file)
  for await (const line of handle.readLines()) return JSON.parse(line) as Query
  throw new Error(`${file} holds no query`)
}
