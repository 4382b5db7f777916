/** A client of the balancer: one request a connection of its own, so that nothing but the balancer chooses; or kept ones. */
import { type Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Answer {
  readonly status: number
  readonly body: string
  /** That the balancer says answered, where it splits. */
  readonly release: string | null
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly agent?: Agent
}

export async function ask(url: string, body?: string, options?: AskOptions): Promise<Answer> {
  const response = await open(url, body, options)
  const said = response.headers['x-ragscale-release']
  return {
    status: response.statusCode ?? 0,
    body: await text(response),
    release: said === undefined ? null : String(said),
  }
}

/** The answer from its headers on. Rejects when there is none. */
export function open(
  url: string,
  body?: string,
  { headers = {}, agent }: AskOptions = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const asked = request(
      url,
      { method, headers: { ...headers }, agent: agent ?? false, timeout: 30_000 },
      resolve,
    )
    asked.on('timeout', () => asked.destroy(new Error(`no answer from ${url}`)))
    asked.on('error', reject)
    asked.end(body)
  })
}
