/** Vectors, texts and truth that queries lack, asked of the stack before the test. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ExitCode, UserError } from '../errors.ts'
import type { Answer, Caller } from './http.ts'
import { networkMessage } from './http.ts'
import type { LoadTarget } from './plan.ts'

/** TEI's default `max-client-batch-size`. */
export const embedBatchSize = 32

const teiAnswer = z.array(z.array(z.number()))
const openaiAnswer = z.object({
  data: z.array(z.object({ index: z.number(), embedding: z.array(z.number()) })),
})

/** One vector a text, in order. */
export async function embedTexts(
  caller: Caller,
  target: LoadTarget,
  texts: readonly string[],
): Promise<number[][]> {
  const isTei = target.protocol === 'tei'
  const path = isTei ? '/embed' : caller.url.endsWith('/v1') ? '/embeddings' : '/v1/embeddings'
  const body = isTei
    ? { inputs: texts }
    : { input: texts, ...(target.model === undefined ? {} : { model: target.model }) }
  const text = await askPatiently(caller, path, body, 'embed the queries')
  const vectors = isTei
    ? parsed(teiAnswer, text)
    : parsed(openaiAnswer, text)
        ?.data.toSorted((a, b) => a.index - b.index)
        .map(({ embedding }) => embedding)
  if (vectors?.length !== texts.length)
    throw failed(
      caller.url + path,
      'embed the queries',
      `it did not answer ${texts.length} texts with as many vectors`,
    )
  return vectors
}

const point = z.object({
  id: z.union([z.string(), z.number()]),
  vector: z.unknown().optional(),
  payload: z.record(z.string(), z.unknown()).nullish(),
})
const scrollAnswer = z.object({
  result: z.object({ points: z.array(point), next_page_offset: z.union([z.string(), z.number()]).nullish() }),
})
const queryAnswer = z.object({
  result: z.object({ points: z.array(z.object({ id: z.union([z.string(), z.number()]) })) }),
})

const scrollPage = 64

/** Points of the collection in the order of their ids, at most `limit`. */
export async function* scrollPoints(
  caller: Caller,
  collection: string,
  { limit, withVector }: { readonly limit: number; readonly withVector: boolean },
): AsyncGenerator<{ vector: number[] | null; text: string | null }> {
  const path = `/collections/${encodeURIComponent(collection)}/points/scroll`
  let offset: string | number | null = null
  let drawn = 0
  while (drawn < limit) {
    const body: Record<string, unknown> = {
      limit: Math.min(scrollPage, limit - drawn),
      with_vector: withVector,
      with_payload: !withVector,
      ...(offset === null ? {} : { offset }),
    }
    const answer: z.output<typeof scrollAnswer> | null = parsed(
      scrollAnswer,
      await askPatiently(caller, path, body, 'draw points from the collection'),
    )
    if (answer === null)
      throw failed(caller.url + path, 'draw points from the collection', 'it did not answer as Qdrant does')
    for (const { vector, payload } of answer.result.points) {
      drawn += 1
      const plain = z.array(z.number()).safeParse(vector)
      if (withVector && !plain.success) {
        throw failed(
          caller.url + path,
          'draw vectors from the collection',
          'its points have named or sparse vectors, which ragscale does not query',
        )
      }
      const text = payload?.['text']
      yield {
        vector: plain.success ? plain.data : null,
        text: typeof text === 'string' && text !== '' ? text : null,
      }
    }
    offset = answer.result.next_page_offset ?? null
    if (offset === null) return
  }
}

/** Ids of the `limit` nearest points by exact search, nearest first. */
export async function exactNearest(
  caller: Caller,
  collection: string,
  vector: readonly number[],
  limit: number,
): Promise<(string | number)[]> {
  const path = `/collections/${encodeURIComponent(collection)}/points/query`
  const body = { query: vector, limit, with_payload: false, params: { exact: true } }
  const answer = parsed(
    queryAnswer,
    await askPatiently(caller, path, body, 'search exactly for the true answers', 60_000),
  )
  if (answer === null)
    throw failed(caller.url + path, 'search exactly for the true answers', 'it did not answer as Qdrant does')
  return answer.result.points.map(({ id }) => id)
}

const attempts = 6

/** One call, repeated while the server says that it is busy (429, 503). */
async function askPatiently(
  caller: Caller,
  path: string,
  body: unknown,
  purpose: string,
  timeoutMs = 30_000,
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    let answer: Answer
    try {
      answer = await caller.call(path, { body, timeoutMs })
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') throw error
      throw failed(caller.url + path, purpose, networkMessage(error))
    }
    if (answer.status < 300) return answer.text
    const busy = answer.status === 429 || answer.status === 503
    if (!busy || attempt === attempts)
      throw failed(
        caller.url + path,
        purpose,
        `it answered ${answer.status}: ${answer.text.trim().slice(0, 200)}`,
      )
    await sleep(Math.min(answer.retryAfterMs ?? 100 * 2 ** attempt, 10_000))
  }
}

function parsed<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    const result = schema.safeParse(JSON.parse(text))
    return result.success ? result.data : null
  } catch {
    return null
  }
}

function failed(url: string, purpose: string, what: string): UserError {
  return new UserError(`could not ${purpose}: ${url}: ${what}`, {
    exitCode: ExitCode.unhealthy,
    code: 'unreachable',
  })
}
