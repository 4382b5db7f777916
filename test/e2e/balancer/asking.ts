/** A client of the balancer: one request a connection of its own, so that nothing but the balancer chooses. */
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Answer {
  readonly status: number
  readonly body: string
}

export async function ask(url: string, body?: string): Promise<Answer> {
  const response = await open(url, body)
  return { status: response.statusCode ?? 0, body: await text(response) }
}

/** The answer from its headers on. Rejects when there is none. */
export function open(url: string, body?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const asked = request(url, { method, agent: false, timeout: 30_000 }, resolve)
    asked.on('timeout', () => asked.destroy(new Error(`no answer from ${url}`)))
    asked.on('error', reject)
    asked.end(body)
  })
}
