import type { IncomingHttpHeaders } from 'node:http'
import { QdrantError, formatError } from '../errors.ts'
import type { QdrantNode } from '../node.ts'
import type { Consistency } from '../points/read.ts'
import { jsonSyntaxError } from '../wire/json-syntax.ts'
import { parseBody } from '../wire/json.ts'
import type { RequestStats } from './stats.ts'

/** Qdrant's own limit of a JSON body. */
const maxJsonBytes = 32 * 1024 * 1024

export interface ApiRequest {
  readonly node: QdrantNode
  readonly stats: RequestStats
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** On the clock of the node's timing: when the whole request had come in. */
  readonly arrivalMs: number
}

/** The body, which must be JSON and say so. */
export function jsonOf({ headers, body }: ApiRequest): unknown {
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(headers['content-type'] ?? '')) {
    throw new QdrantError(400, 'Content type error', false)
  }
  if (body.length > maxJsonBytes) {
    const limit = `limit: ${maxJsonBytes} bytes`
    throw new QdrantError(
      400,
      `JSON payload (${body.length} bytes) is larger than allowed (${limit}).`,
      false,
    )
  }
  if (body.length === 0) throw formatError(jsonSyntaxError('') ?? '')
  return parseBody(body.toString())
}

/** The collection that the path names: its name as given. */
export const collectionName = ({ params }: ApiRequest): string => params['collection_name'] ?? ''

export function waits({ query }: ApiRequest): boolean {
  return flagParam(query, 'wait')
}

export function flagParam(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  if (value === null || value === 'false') return false
  if (value === 'true') return true
  throw badQuery('provided string was not `true` or `false`')
}

/** `timeout` in milliseconds; undefined when not given. */
export function timeoutMs({ query }: ApiRequest): number | undefined {
  const value = query.get('timeout')
  if (value === null) return undefined
  if (!/^\d+$/.test(value)) throw badQuery('invalid digit found in string')
  if (Number(value) < 1) {
    throw new QdrantError(
      422,
      `Validation error in query parameters: [timeout: value ${value} invalid, must be 1 or larger]`,
      false,
    )
  }
  return Number(value) * 1000
}

export function consistencyOf({ query }: ApiRequest): Consistency | undefined {
  const value = query.get('consistency')
  if (value === null || value === '') return undefined
  if (value === 'all' || value === 'majority' || value === 'quorum') return value
  if (/^\d+$/.test(value) && Number(value) > 0) return Number(value)
  throw badQuery(
    `failed to deserialize read consistency query parameter value: expected positive integer or one of majority, quorum, all, got ${value}`,
  )
}

function badQuery(reason: string): QdrantError {
  return new QdrantError(400, `Deserialize error in query parameters: ${reason}`, false)
}
