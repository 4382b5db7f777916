import type { ServerResponse } from 'node:http'
import { sendJson } from '../http.ts'
import type { Failure } from './metrics.ts'

/** TEI's names of what went wrong, and the status of each. */
const statuses = {
  Empty: 400,
  Validation: 413,
  Tokenizer: 422,
  Backend: 424,
  Overloaded: 429,
  Unhealthy: 503,
} as const

/** An answer other than 200, in TEI's own words. */
export class TeiFailure extends Error {
  readonly type: keyof typeof statuses
  readonly counted: Failure

  constructor(type: keyof typeof statuses, message: string, counted: Failure) {
    super(message)
    this.type = type
    this.counted = counted
  }

  get status(): number {
    return statuses[this.type]
  }
}

export function overloaded(): TeiFailure {
  return new TeiFailure('Overloaded', 'Model is overloaded', 'overloaded')
}

export function emptyBatch(): TeiFailure {
  return new TeiFailure('Empty', 'Batch is empty', 'empty')
}

/** `shape` is that of the route: TEI's own, or OpenAI's. */
export function sendFailure(response: ServerResponse, failure: TeiFailure, shape: 'tei' | 'openai'): void {
  const body =
    shape === 'tei'
      ? { error: failure.message, error_type: failure.type }
      : { message: failure.message, code: failure.status, type: failure.type }
  sendJson(response, failure.status, JSON.stringify(body))
}
