// The load plan that `RAGSCALE_PLAN` names, and the queries that it names (docs/architecture.md, "The load plan").
import { SharedArray } from 'k6/data'

/** One line of the queries file. */
export interface Query {
  query: string
  vector?: number[]
  /** Ids of the points that exact search finds, nearest first. */
  expected?: (string | number)[]
  documents?: string[]
  inputTokens?: number
  outputTokens?: number
}

export interface Target {
  urls: string[]
  protocol: 'tei' | 'openai' | 'qdrant' | 'http' | 'ragscale'
  model?: string
  collection?: string
  topK?: number
  outputTokens?: number
  body?: string
  answer?: string
  /** Name of the environment variable that holds the key; how it is sent is the protocol's matter. */
  apiKeyEnv?: string
  /** Header → name of the environment variable that holds its value. */
  headersEnv?: Record<string, string>
  certFile?: string
  keyFile?: string
  /** Every request asks a text that was never asked before. */
  unique?: boolean
  /** False: ask for the whole answer at once, where the protocol has both. */
  stream?: boolean
}

export interface Plan {
  stage: string
  seed: number
  steps: unknown[]
  maxInFlight: number
  timeoutMs: number
  stopWhen: unknown
  good: Record<string, number>
  queries: { count: number; zipf: number | null }
  target: Target
  queriesFile: string
}

function required(name: string): string {
  const value = __ENV[name]
  if (value === undefined || value === '')
    throw new Error(`${name} must be set: it is the work of \`ragscale loadtest\``)
  return value
}

// The second element is kept apart because a trace may hold a million instants, and every virtual user parses
// what it reads of a shared array.
const read = new SharedArray<unknown>('ragscale plan', () => {
  const { arrivals, ...plan } = JSON.parse(open(required('RAGSCALE_PLAN'))) as Plan & { arrivals: unknown }
  return [plan, arrivals]
})

export const plan = read[0] as Plan

/** The options of every script: one scenario, run by our own executor. */
export function options(): Record<string, unknown> {
  if (__VU !== 0) return {}
  const { stage, steps, seed, maxInFlight, timeoutMs, stopWhen, good, queries, target } = plan
  return {
    scenarios: {
      load: {
        executor: 'ragscale-open',
        stage,
        steps,
        arrivals: read[1],
        seed,
        maxInFlight,
        timeoutMs,
        good,
        queries,
        // A virtual user made in the middle of a test costs milliseconds just when the system is slow.
        preAllocatedVUs: maxInFlight,
        stopWhen,
      },
    },
    ...(target.certFile === undefined || target.keyFile === undefined
      ? {}
      : { tlsAuth: [{ cert: open(target.certFile), key: open(target.keyFile) }] }),
    userAgent: 'ragscale',
    systemTags: [],
    // Requests do not go through k6's cookie jar; emptying it after each would be for nothing.
    noCookiesReset: true,
  }
}

/** Every query, read once: for building bodies, not for iterations. */
export function queries(): Query[] {
  return open(plan.queriesFile)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Query)
}

/** The queries for iterations that need more of one than its rendered body. */
export function sharedQueries(): SharedArray<Query> {
  return new SharedArray<Query>('ragscale queries', queries)
}

/** The URL of this arrival: several take turns. Without a path, as it was given. */
export function urlOf(index: number, path: string): string {
  const base = plan.target.urls[index % plan.target.urls.length]
  if (base === undefined) throw new Error('the plan names no URL')
  return path === '' ? base : base.replace(/\/+$/, '') + path
}

/** Headers of every request; `keyHeader` turns the API key into the protocol's own header. */
export function headers(keyHeader: (key: string) => Record<string, string> = bearer): Record<string, string> {
  const { apiKeyEnv, headersEnv = {} } = plan.target
  const result: Record<string, string> = { 'content-type': 'application/json' }
  if (apiKeyEnv !== undefined) Object.assign(result, keyHeader(required(apiKeyEnv)))
  for (const name of Object.keys(headersEnv)) result[name.toLowerCase()] = required(headersEnv[name] ?? '')
  return result
}

function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` }
}

const started = Date.now().toString(36)

/** A text that no other request of this run, or of an earlier one, has: put first, so that no prefix is shared either. */
export function uniqueText(arrival: { step: string; index: number }, text: string): string {
  return `[${started}-${arrival.step}-${arrival.index}] ${text}`
}
