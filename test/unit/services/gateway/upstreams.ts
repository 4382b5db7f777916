import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** What a test says one upstream answers; counts how often it was asked. */
export interface FakeUpstream {
  readonly url: string
  calls: number
  answer: (request: IncomingMessage, body: string, response: ServerResponse) => void
  close(): Promise<void>
}

export async function fakeUpstream(answer: FakeUpstream['answer']): Promise<FakeUpstream> {
  const server: Server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      upstream.calls++
      upstream.answer(request, body, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const upstream: FakeUpstream = {
    url: `http://127.0.0.1:${address.port}`,
    calls: 0,
    answer,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return upstream
}

export function json(
  response: ServerResponse,
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}

export const teiAnswers: FakeUpstream['answer'] = (_request, _body, response) => json(response, [[0.6, 0.8]])

export const rerankReverses: FakeUpstream['answer'] = (_request, body, response) => {
  const { texts } = JSON.parse(body) as { texts: string[] }
  json(
    response,
    texts.map((_, index) => ({ index, score: index })),
  )
}

export const qdrantAnswers: FakeUpstream['answer'] = (_request, body, response) => {
  const { limit } = JSON.parse(body) as { limit: number }
  const points = ['first', 'second', 'third', 'fourth'].slice(0, limit).map((text, id) => ({
    id,
    version: 1,
    score: 1 - id / 10,
    payload: { text, source: `${text}.md` },
  }))
  json(response, { result: { points }, status: 'ok', time: 0.001 })
}

/** Streams `tokens` as an OpenAI-compatible server does, usage last. */
export function chatStreams(tokens: readonly string[]): FakeUpstream['answer'] {
  return (_request, _body, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const chunk = (value: unknown): boolean => response.write(`data: ${JSON.stringify(value)}\n\n`)
    chunk({ choices: [{ delta: { role: 'assistant', content: '' }, finish_reason: null }] })
    for (const content of tokens) chunk({ choices: [{ delta: { content }, finish_reason: null }] })
    chunk({ choices: [{ delta: {}, finish_reason: 'stop' }] })
    chunk({ choices: [], usage: { prompt_tokens: 7, completion_tokens: tokens.length } })
    response.end('data: [DONE]\n\n')
  }
}
