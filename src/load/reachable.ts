/** Whether a target is there and is what the stack says it is, asked before anything is loaded. */
import { ExitCode, UserError } from '../errors.ts'
import type { Target } from '../stack/stack.ts'
import type { Answer, Caller } from './http.ts'
import { callerOf, networkMessage } from './http.ts'
import type { LoadStage, LoadTarget } from './plan.ts'

export interface ReachableOptions {
  readonly stage: LoadStage
  readonly target: LoadTarget
  /** Where the stack runs: decides what to do next. */
  readonly runsOn: Target
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal
}

/**
 * Asks each URL for what its protocol has to know it by. Any answer of an `http` service will do.
 * @throws UserError (exit 4): which URL, what happened, what to do next
 */
export async function assertReachable(options: ReachableOptions): Promise<void> {
  for (const url of options.target.urls) {
    const caller = await callerOf({ ...options.target, urls: [url] }, options.env, options.signal)
    try {
      await ask(caller, options)
    } finally {
      await caller.close()
    }
  }
}

async function ask(caller: Caller, options: ReachableOptions): Promise<void> {
  const { target } = options
  const path = pathOf(target, caller.url)
  let answer: Answer
  try {
    answer = await caller.call(path)
  } catch (error) {
    if (options.signal?.aborted === true) throw error
    throw unreachable(caller.url + path, networkMessage(error), options)
  }
  if (target.protocol === 'http') return
  if (answer.status === 401 || answer.status === 403) {
    throw unreachable(
      caller.url + path,
      `it answered ${answer.status}: the key is missing or wrong`,
      options,
      'set apiKeyEnv, and the variable that it names',
    )
  }
  if (answer.status === 404 && target.protocol === 'qdrant') {
    throw unreachable(
      caller.url,
      `there is no collection ${target.collection ?? ''}`,
      options,
      'ragscale ingest <folder>, or name another collection',
    )
  }
  // Not every server that speaks OpenAI's API, or a proxy before one, lists its models.
  if (answer.status === 404 && target.protocol === 'openai') return
  if (answer.status === 404 && target.protocol === 'ragscale' && options.runsOn === 'kubernetes') {
    await askByQuestion(caller, options)
    return
  }
  if (answer.status >= 300 && answer.status < 400) {
    throw unreachable(
      caller.url + path,
      `it answered ${answer.status}${answer.location === null ? '' : `, to ${answer.location}`}`,
      options,
      'redirects are not followed: write the URL that it points to, if that host is meant',
    )
  }
  if (answer.status >= 400) {
    throw unreachable(
      caller.url + path,
      `it answered ${answer.status}: ${answer.text.trim().slice(0, 200)}`,
      options,
    )
  }
  if (target.protocol === 'openai') checkModel(answer.text, caller.url, options)
}

/** Routes into a cluster let questions in and no health checks. This one is none, which the gateway alone can say. */
async function askByQuestion(caller: Caller, options: ReachableOptions): Promise<void> {
  const path = '/query'
  const { status, text } = await caller.call(path, { body: {} })
  if (status === 400) return
  const words = text.trim().slice(0, 200)
  throw unreachable(caller.url + path, `it answered ${status}${words === '' ? '' : `: ${words}`}`, options)
}

function pathOf(target: LoadTarget, url: string): string {
  switch (target.protocol) {
    case 'tei':
      return '/health'
    case 'openai':
      return url.endsWith('/v1') ? '/models' : '/v1/models'
    case 'qdrant':
      return `/collections/${encodeURIComponent(target.collection ?? '')}`
    case 'ragscale':
      return '/readyz'
    case 'http':
      return ''
  }
}

function checkModel(text: string, url: string, options: ReachableOptions): void {
  const { model } = options.target
  const listed = modelsOf(text)
  if (model === undefined || listed === null || listed.length === 0 || listed.includes(model)) return
  throw unreachable(
    url,
    `it does not serve the model ${model}`,
    options,
    `it serves ${listed.slice(0, 5).join(', ')}`,
  )
}

function modelsOf(text: string): string[] | null {
  try {
    const { data } = JSON.parse(text) as { data?: { id: string }[] }
    return data?.map(({ id }) => id) ?? null
  } catch {
    return null
  }
}

function unreachable(
  url: string,
  what: string,
  { stage, runsOn }: ReachableOptions,
  hint?: string,
): UserError {
  const next =
    runsOn === 'external'
      ? `check the url in \`endpoints\`, and that the service runs: curl -i ${url}`
      : 'ragscale status, then ragscale up'
  return new UserError(`cannot load stage ${stage}: ${url}: ${what}`, {
    hint: hint ?? next,
    exitCode: ExitCode.unhealthy,
    code: 'unreachable',
  })
}
