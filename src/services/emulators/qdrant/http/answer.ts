import { QdrantError } from '../errors.ts'
import { secondsText } from '../wire/number-text.ts'

/** What a handler answers: a result as JSON text, which is put into Qdrant's envelope, or a plain text. */
export type Answer =
  | { readonly result: string }
  | { readonly text: string; readonly status: number; readonly contentType: string | null }
  | { readonly json: string }

export const json = (value: unknown): Answer => ({ result: JSON.stringify(value) })
export const plain = (text: string, status = 200): Answer => ({
  text,
  status,
  contentType: 'text/plain; charset=utf-8',
})

/** What goes over the wire. */
export interface Sent {
  readonly status: number
  readonly contentType: string | null
  readonly body: string
}

export function sentOf(answer: Answer, elapsedMs: number): Sent {
  if ('text' in answer) return { status: answer.status, contentType: answer.contentType, body: answer.text }
  const contentType = 'application/json'
  if ('json' in answer) return { status: 200, contentType, body: answer.json }
  return {
    status: 200,
    contentType,
    body: `{"result":${answer.result},"status":"ok","time":${secondsText(elapsedMs)}}`,
  }
}

export function sentOfError(error: unknown, elapsedMs: number): Sent {
  if (!(error instanceof QdrantError)) {
    // A fault of ours: told in the log, and to the client as what it is.
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    const reason = error instanceof Error ? error.message : String(error)
    return sentOfError(new QdrantError(500, `Service internal error: ${reason}`), elapsedMs)
  }
  const time = error.timed ? secondsText(elapsedMs) : '0.0'
  const body = `{"status":{"error":${JSON.stringify(error.message)}},"time":${time}}`
  return { status: error.status, contentType: 'application/json', body }
}
