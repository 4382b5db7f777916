/**
 * A server that goes wrong in one way, behind health checks that are fine: TEI's `/embed` and OpenAI's
 * `/v1/chat/completions`. It lives in the process of the test; the load comes from another.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const faults = [
  'none',
  '500',
  '429',
  '503',
  /** Takes the request and never says a word. */
  'hangs',
  /** Half a body, then the connection is gone. */
  'closes-early',
  /** The connection is gone before a single byte. */
  'resets',
  /** 200, and a body that is none of its protocol's. */
  'nonsense',
  /** A stream whose second event is half a JSON document. */
  'malformed-sse',
  /** A stream that says so itself, in the middle. */
  'error-event',
  /** A stream that stops after its first token, and stays open. */
  'stalls',
] as const
export type Fault = (typeof faults)[number]

export interface FaultyServer {
  readonly url: string
  /** Requests that were to be answered, health checks left out. */
  readonly asked: () => number
  /** From now on it goes wrong in this way. */
  turn(fault: Fault): void
  close(): Promise<void>
}

/** @param after requests that are answered well before anything goes wrong: a load test asks once before it loads */
export async function faultyServer(first: Fault, after = 0): Promise<FaultyServer> {
  let fault = first
  let asked = 0
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ status: 'ok', data: [{ id: 'm' }] }))
      return
    }
    asked += 1
    request.resume()
    const now = asked > after ? fault : 'none'
    request.once('end', () => answer(now, request, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    turn: (next) => (fault = next),
    close: async () => await closed(server),
  }
}

/** Also a second time. */
async function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  if (server.listening) await new Promise((resolve) => server.close(resolve))
}

function answer(fault: Fault, request: IncomingMessage, response: ServerResponse): void {
  const streams = request.url === '/v1/chat/completions'
  switch (fault) {
    case 'none':
      if (streams) response.end(`${role}${token('Yes')}${usage}data: [DONE]\n\n`)
      else response.end('[[0.1,0.2,0.3]]')
      return
    case '500':
    case '429':
    case '503':
      response.writeHead(Number(fault)).end('{"error":"no"}')
      return
    case 'hangs':
      return
    case 'closes-early':
      if (streams) response.writeHead(200, sse).write(role + token('Half'))
      else response.writeHead(200, { 'content-length': '1000' }).write('[[0.1')
      setImmediate(() => request.socket.destroy())
      return
    case 'resets':
      request.socket.resetAndDestroy()
      return
    case 'nonsense':
      response.end('<html>Welcome to nginx!</html>')
      return
    case 'malformed-sse':
      response.writeHead(200, sse).end(`${role}data: {"choices":[{"delta":{"con\n\ndata: [DONE]\n\n`)
      return
    case 'error-event':
      response.writeHead(200, sse)
      response.end(`${role}${token('Half')}data: {"error":{"message":"out of memory","code":500}}\n\n`)
      return
    case 'stalls':
      response.writeHead(200, sse).write(role + token('Half'))
      return
  }
}

const sse = { 'content-type': 'text/event-stream' }
const role = chunk({ role: 'assistant', content: '' })
const usage = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 1 } })}\n\n`

function token(content: string): string {
  return chunk({ content })
}

function chunk(delta: object): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`
}
