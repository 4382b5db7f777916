import { Agent, request } from 'undici'
import { retryAfterMs } from './backoff.ts'
import { UpstreamError } from './upstream.ts'
import type { UpstreamStage } from './upstream.ts'

/** One pool of kept connections for everything that the gateway calls. */
export const pool = new Agent({ connections: 256, keepAliveTimeout: 30_000, connect: { timeout: 2_000 } })

/** Posts JSON and returns the answer's body, not yet read. Errors are `UpstreamError`s. */
export async function post(
  stage: UpstreamStage,
  url: string,
  body: unknown,
  options: { headers?: Readonly<Record<string, string>>; signal: AbortSignal; idleTimeoutMs?: number },
): Promise<Awaited<ReturnType<typeof request>>['body']> {
  let response
  try {
    response = await request(url, {
      method: 'POST',
      dispatcher: pool,
      headers: { 'content-type': 'application/json', ...options.headers },
      body: JSON.stringify(body),
      signal: options.signal,
      ...(options.idleTimeoutMs === undefined
        ? {}
        : { headersTimeout: options.idleTimeoutMs, bodyTimeout: options.idleTimeoutMs }),
    })
  } catch (error) {
    if (options.signal.aborted) throw error
    throw new UpstreamError(
      stage,
      `${stage}: ${url} did not answer: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
  if (response.statusCode !== 200) {
    const text = (await response.body.text()).slice(0, 200)
    throw new UpstreamError(stage, `${stage}: ${url} answered ${response.statusCode}: ${text}`, {
      status: response.statusCode,
      retryAfterMs: retryAfterMs(response.headers, Date.now()),
    })
  }
  return response.body
}

/** `post`, with the answer read as JSON; a body that is none is an `UpstreamError`. */
export async function postJson(
  stage: UpstreamStage,
  url: string,
  body: unknown,
  options: { headers?: Readonly<Record<string, string>>; signal: AbortSignal },
): Promise<unknown> {
  const answer = await post(stage, url, body, options)
  try {
    return await answer.json()
  } catch (error) {
    if (options.signal.aborted) throw error
    throw new UpstreamError(stage, `${stage}: ${url} answered with something that is not JSON`, {
      status: 502,
      cause: error,
    })
  }
}
