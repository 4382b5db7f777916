/**
 * Somebody's RAG service, as no protocol of ours describes it: `POST /ask` with `{ "question" }` answers
 * `{ "result": { "answers": [{ "text" }] } }`, and the same questions in other words are refused.
 */
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type ToServer = { type: 'configure' } | { type: 'asked' }
export type FromServer = { type: 'listening'; port: number } | { type: 'asked'; questions: string[] }

const questions: string[] = []

function questionIn(text: string): string | null {
  try {
    const { question } = JSON.parse(text) as { question?: unknown }
    return typeof question === 'string' ? question : null
  } catch {
    return null
  }
}

function answer(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    if (request.method !== 'POST' || request.url !== '/ask')
      return answer(response, 405, { error: 'POST /ask' })
    const question = questionIn(Buffer.concat(parts).toString('utf8'))
    if (question === null) return answer(response, 400, { error: 'no question' })
    questions.push(question)
    setTimeout(() => answer(response, 200, { result: { answers: [{ text: `About ${question}` }] } }), 5)
  })
})

process.on('message', (message: ToServer) => {
  if (message.type === 'asked') {
    process.send?.({ type: 'asked', questions } satisfies FromServer)
    return
  }
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ type: 'listening', port: (server.address() as AddressInfo).port } satisfies FromServer)
  })
})
process.on('disconnect', () => process.exit(0))
