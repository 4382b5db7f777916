/**
 * A server that streams chat completions as an OpenAI-compatible one does, and keeps the instant at which it
 * wrote each token for its parent: `configure` → `listening`, `log` → `log`.
 *
 * Before the tokens come the chunks that are none: one with the role only, one with an empty text.
 */
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nowMs } from './clock.ts'

export interface StreamingConfig {
  readonly tokens: number
  /** Time to the first token: spread evenly from `fromMs` to `toMs`. */
  readonly firstToken: { readonly fromMs: number; readonly toMs: number }
  readonly gapMs: number
  /** Tokens at the beginning of every second answer that are reasoning. */
  readonly reasoningTokens: number
}

export interface Streamed {
  readonly arrivalMs: number
  /** When each token was written. */
  readonly tokensMs: readonly number[]
  readonly reasoningTokens: number
}

export type ToServer = { type: 'configure'; config: StreamingConfig } | { type: 'log' }
export type FromServer = { type: 'listening'; port: number } | { type: 'log'; streamed: Streamed[] }

let config: StreamingConfig
const streamed: Streamed[] = []

function chunk(delta: object, rest: object = {}): string {
  return `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: null }], ...rest })}\n\n`
}

function stream(response: ServerResponse, arrivalMs: number, number: number): void {
  const reasoningTokens = number % 2 === 0 ? 0 : config.reasoningTokens
  const tokensMs: number[] = []
  streamed.push({ arrivalMs, tokensMs, reasoningTokens })
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(chunk({ role: 'assistant' }) + chunk({ content: '' }))
  const writeToken = (): void => {
    const text = `t${tokensMs.length} `
    const delta = tokensMs.length < reasoningTokens ? { reasoning_content: text } : { content: text }
    tokensMs.push(nowMs())
    response.write(chunk(delta))
    if (tokensMs.length < config.tokens) setTimeout(writeToken, config.gapMs)
    else finish(response)
  }
  const { fromMs, toMs } = config.firstToken
  // Multiples of the golden ratio: evenly spread, so that no quantile lies at the edge of a cluster.
  setTimeout(writeToken, fromMs + (toMs - fromMs) * ((number * 0.618_034) % 1))
}

function finish(response: ServerResponse): void {
  response.write(chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'length' }] }))
  const usage = { prompt_tokens: 7, completion_tokens: config.tokens, total_tokens: 7 + config.tokens }
  response.write(chunk({}, { choices: [], usage }))
  response.end('data: [DONE]\n\n')
}

let requests = 0
const server = createServer((request, response) => {
  const arrivalMs = nowMs()
  request.resume()
  request.once('end', () => stream(response, arrivalMs, requests++))
})

process.on('message', (message: ToServer) => {
  if (message.type === 'log') {
    process.send?.({ type: 'log', streamed } satisfies FromServer)
    return
  }
  config = message.config
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ type: 'listening', port: (server.address() as AddressInfo).port } satisfies FromServer)
  })
})
process.on('disconnect', () => process.exit(0))
