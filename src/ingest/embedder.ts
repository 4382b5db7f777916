import { ExponentialBackoff, handleWhen, retry } from 'cockatiel'
import type { Dispatcher } from 'undici'
import { request } from 'undici'
import * as z from 'zod'
import { ExitCode, UserError, messageOf } from '../errors.ts'

/** Embeds texts: one vector each, in their order. */
export type Embedder = (texts: readonly string[], signal: AbortSignal) => Promise<number[][]>

export interface EmbedEndpoint {
  readonly url: string
  readonly protocol: 'tei' | 'openai'
  readonly model?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Connections with certificates of their own. */
  readonly dispatcher?: Dispatcher
  /** Masks what must not be shown in what the server says. */
  readonly mask?: (text: string) => string
  readonly timeoutMs?: number
}

const openaiAnswer = z.object({
  data: z.array(z.object({ index: z.number(), embedding: z.array(z.number()) })),
})

class Busy extends Error {}
/** Not even a connection. */
class Gone extends Busy {}

/** A client of TEI's `/embed` or OpenAI's `/v1/embeddings`; waits and tries again while the server is full. */
export function httpEmbedder(endpoint: EmbedEndpoint): Embedder {
  const policy = retry(
    handleWhen((error) => error instanceof Busy),
    { maxAttempts: 8, backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 5_000 }) },
  )
  // A server that was never there is not busy: whoever waits for it is told at once.
  let answered = false
  const once = async (texts: readonly string[], signal: AbortSignal): Promise<number[][]> => {
    try {
      const vectors = await embedOnce(endpoint, texts, signal)
      answered = true
      return vectors
    } catch (error) {
      if (error instanceof Gone && !answered) throw unreachable(endpoint, error.message)
      throw error
    }
  }
  return async (texts, signal) => {
    const vectors = await policy
      .execute(() => once(texts, signal), signal)
      .catch((error: unknown) => {
        throw error instanceof UserError || signal.aborted ? error : unreachable(endpoint, messageOf(error))
      })
    if (vectors.length !== texts.length)
      throw unreachable(endpoint, `${vectors.length} vectors for ${texts.length} texts`)
    return vectors
  }
}

async function embedOnce(
  endpoint: EmbedEndpoint,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<number[][]> {
  const openai = endpoint.protocol === 'openai'
  // Not `fetch`, which calls no port that a browser would not, and follows redirects with the key.
  const response = await request(embedUrl(endpoint), {
    method: 'POST',
    ...(endpoint.dispatcher === undefined ? {} : { dispatcher: endpoint.dispatcher }),
    headers: { 'content-type': 'application/json', ...endpoint.headers },
    body: JSON.stringify(
      openai
        ? { input: texts, model: endpoint.model, encoding_format: 'float' }
        : { inputs: texts, truncate: true },
    ),
    signal: AbortSignal.any([signal, AbortSignal.timeout(endpoint.timeoutMs ?? 60_000)]),
  }).catch((error: unknown) => {
    if (signal.aborted) throw error
    throw new Gone(
      error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error),
    )
  })
  const { statusCode: status } = response
  const text = await response.body.text()
  if (status === 429 || status === 503 || status === 502) throw new Busy(`it answered ${status}`)
  if (status < 200 || status >= 300) {
    const said = (endpoint.mask ?? ((same: string) => same))(text).trim().slice(0, 200)
    throw unreachable(endpoint, `it answered ${status}${said === '' ? '' : `: ${said}`}`)
  }
  const vectors = vectorsIn(text, openai)
  if (vectors === null) throw unreachable(endpoint, 'what it answered are no vectors')
  return vectors
}

/** OpenAI's own base URL ends in `/v1`. */
function embedUrl({ url, protocol }: EmbedEndpoint): string {
  const base = url.replace(/\/+$/, '')
  if (protocol === 'tei') return `${base}/embed`
  return base.endsWith('/v1') ? `${base}/embeddings` : `${base}/v1/embeddings`
}

function vectorsIn(text: string, openai: boolean): number[][] | null {
  try {
    const body: unknown = JSON.parse(text)
    if (!openai) return z.array(z.array(z.number())).parse(body)
    return openaiAnswer
      .parse(body)
      .data.toSorted((a, b) => a.index - b.index)
      .map(({ embedding }) => embedding)
  } catch {
    return null
  }
}

function unreachable(endpoint: EmbedEndpoint, reason: string): UserError {
  return new UserError(`could not embed at ${endpoint.url}: ${reason}`, {
    exitCode: ExitCode.unhealthy,
    hint: `ragscale status, or see what it says: curl -i ${endpoint.url}`,
  })
}
