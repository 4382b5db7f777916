import { Agent } from 'undici'
import { QdrantError, transportFailure, unreachable } from '../errors.ts'

/** Header by which peers know each other. */
export const tokenHeader = 'x-ragscale-token'
/** Paths that peers call; they are not part of Qdrant's interface. */
export const peerPath = '/__ragscale/peer/'

export interface PeerCall {
  readonly uri: string
  readonly path: string
  readonly body: string | Buffer
  readonly timeoutMs: number
}

/** What has gone wrong lately between this peer and another. */
export interface SendFailures {
  count: number
  latestError: string
  /** Milliseconds since 1970. */
  latestMs: number
}

/** Calls other peers over HTTP. Rejects with `QdrantError`: theirs, or one that says that they cannot be reached. */
export class PeerClient {
  readonly #agent = new Agent({
    keepAliveTimeout: 60_000,
    connect: { timeout: 2000 },
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  readonly #token: string
  /** By URI, of calls that failed since one last succeeded. */
  readonly failures = new Map<string, SendFailures>()

  constructor(token: string) {
    this.#token = token
  }

  async call({ uri, path, body, timeoutMs }: PeerCall): Promise<Buffer> {
    let status: number
    let answer: Buffer
    try {
      const response = await this.#agent.request({
        origin: new URL(uri).origin,
        path: peerPath + path,
        method: 'POST',
        headers: { [tokenHeader]: this.#token, 'content-type': 'application/octet-stream' },
        body,
        signal: AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs))),
      })
      status = response.statusCode
      answer = Buffer.from(await response.body.arrayBuffer())
    } catch {
      this.#failed(uri)
      throw unreachable(uri)
    }
    this.failures.delete(uri)
    if (status === 200) return answer
    const { message } = JSON.parse(answer.toString()) as { message: string }
    throw new QdrantError(status, message)
  }

  async json<T>(call: Omit<PeerCall, 'body'>, body: unknown): Promise<T> {
    return JSON.parse((await this.call({ ...call, body: JSON.stringify(body) })).toString()) as T
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  #failed(uri: string): void {
    const count = (this.failures.get(uri)?.count ?? 0) + 1
    const latestError = `Error in closure supplied to transport channel pool: ${transportFailure(uri)}`
    this.failures.set(uri, { count, latestError, latestMs: Date.now() })
  }
}
