/** Completes queries for a stage: vectors and truth for `retrieve`, candidate texts for `rerank`, tokens for `generate`. */
import { ExitCode, UserError } from '../errors.ts'
import type { Stack } from '../stack/stack.ts'
import type { Caller } from './http.ts'
import type { LoadStage, LoadTarget } from './plan.ts'
import { readQueries } from './queries-file.ts'
import type { Query } from './query-lines.ts'
import { embedBatchSize, embedTexts, exactNearest, scrollPoints } from './query-vectors.ts'

/** Queries drawn from a collection when the stack names no file. */
const drawnQueries = 1_000
/** Exact search costs a full scan, so the truth is asked for this many queries. */
const truthSample = 200
/** What the reference gateway hands to its reranker. */
const candidates = 20

export interface SourceOptions {
  readonly stage: LoadStage
  readonly stack: Pick<Stack, 'file' | 'workload'>
  readonly embed: LoadTarget | null
  readonly vector: LoadTarget | null
}

/** Open connections to what `SourceOptions` names. */
export interface Callers {
  readonly embed: Caller | null
  readonly vector: Caller | null
}

/** A query, or something that a reader should know. */
export type Item = { readonly query: Query } | { readonly notice: string }

/** @throws UserError: exit 2 for the queries file, 4 for a server that should help and does not */
export function completeQueries(options: SourceOptions, callers: Callers): AsyncGenerator<Item> {
  switch (options.stage) {
    case 'retrieve':
      return withTruth(withVectors(options, callers), options, callers)
    case 'rerank':
      return withDocuments(options, callers)
    case 'generate':
      return withTokens(options)
    case 'embed':
    case 'pipeline':
      return asItems(fromFile(options))
  }
}

function fromFile({ stage, stack }: SourceOptions): AsyncGenerator<Query> {
  if (stack.workload.queries !== null) return readQueries(stack.workload.queries)
  throw new UserError(`stage ${stage} needs questions to ask, and ${stack.file} names no queries file`, {
    hint: 'set workload.queries to a file with one question a line',
    exitCode: ExitCode.usage,
    code: 'queries',
  })
}

async function* asItems(queries: AsyncIterable<Query>): AsyncGenerator<Item> {
  for await (const query of queries) yield { query }
}

async function* withTokens(options: SourceOptions): AsyncGenerator<Item> {
  const { inputTokens, outputTokens } = options.stack.workload
  for await (const query of fromFile(options)) yield { query: { inputTokens, outputTokens, ...query } }
}

async function* withVectors(options: SourceOptions, callers: Callers): AsyncGenerator<Item> {
  const { stack, embed, vector } = options
  if (stack.workload.queries === null) return yield* drawnVectors(options, callers)
  const canEmbed = embed !== null && callers.embed !== null
  let batch: Query[] = []
  let number = 0
  for await (const query of fromFile(options)) {
    number += 1
    if (query.vector === undefined && !canEmbed) {
      if (vector === null || number > 1) throw noVectors(stack.file, number)
      yield {
        notice:
          'the queries have no vectors and there is no embed endpoint: vectors of the collection stand in for them',
      }
      return yield* drawnVectors(options, callers)
    }
    batch.push(query)
    if (batch.length < embedBatchSize) continue
    for (const ready of await embedded(batch, embed, callers.embed)) yield { query: ready }
    batch = []
  }
  for (const ready of await embedded(batch, embed, callers.embed)) yield { query: ready }
}

async function embedded(
  batch: readonly Query[],
  target: LoadTarget | null,
  caller: Caller | null,
): Promise<Query[]> {
  const missing = batch.filter((query) => query.vector === undefined)
  if (missing.length === 0 || target === null || caller === null) return [...batch]
  const vectors = await embedTexts(
    caller,
    target,
    missing.map(({ query }) => query),
  )
  return batch.map((query) =>
    query.vector === undefined ? { ...query, vector: vectors[missing.indexOf(query)] ?? [] } : query,
  )
}

async function* drawnVectors({ stack, vector }: SourceOptions, callers: Callers): AsyncGenerator<Item> {
  if (vector?.collection === undefined || callers.vector === null) throw noVectors(stack.file, 1)
  let drawn = 0
  for await (const point of scrollPoints(callers.vector, vector.collection, {
    limit: drawnQueries,
    withVector: true,
  })) {
    drawn += 1
    yield { query: { query: `point ${drawn}`, vector: point.vector ?? [] } }
  }
  if (drawn === 0) {
    throw new UserError(
      `the collection ${vector.collection} is empty, so there are no vectors to search for`,
      {
        hint: 'ragscale ingest <folder>',
        exitCode: ExitCode.unhealthy,
        code: 'empty',
      },
    )
  }
  yield {
    notice: `the queries are ${drawn} vectors of the collection itself: recall is higher than for real questions`,
  }
}

function noVectors(file: string, number: number): UserError {
  return new UserError(
    `stage retrieve searches for vectors: query ${number} has none, and there is no embed endpoint to ask`,
    {
      hint: `give each line of the queries file a "vector", or add an embed endpoint to ${file}`,
      exitCode: ExitCode.usage,
      code: 'queries',
    },
  )
}

/** Asks exact search for the true answers of the first queries that do not bring their own. */
async function* withTruth(
  items: AsyncIterable<Item>,
  { stack, vector }: SourceOptions,
  callers: Callers,
): AsyncGenerator<Item> {
  let asked = 0
  let able = vector?.collection !== undefined && callers.vector !== null
  for await (const item of items) {
    if ('notice' in item || item.query.expected !== undefined || !able || asked >= truthSample) {
      yield item
      continue
    }
    asked += 1
    try {
      const expected = await exactNearest(
        callers.vector!,
        vector!.collection!,
        item.query.vector ?? [],
        stack.workload.topK,
      )
      yield { query: { ...item.query, expected } }
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      // A server that cannot search exactly can still be measured; what is lost is recall, and that is said.
      able = false
      yield item
      yield { notice: `recall@${stack.workload.topK} is not known: ${error.message}` }
    }
  }
}

async function* withDocuments(options: SourceOptions, callers: Callers): AsyncGenerator<Item> {
  let pool: string[] | null = null
  let next = 0
  for await (const query of fromFile(options)) {
    if (query.documents !== undefined) {
      yield { query }
      continue
    }
    if (pool === null) {
      pool = await drawnTexts(options, callers)
      yield {
        notice: `the texts to rank are ${candidates} a query, drawn from the collection without regard to the question`,
      }
    }
    const { length } = pool
    const documents = Array.from(
      { length: Math.min(candidates, length) },
      (_, index) => pool?.[(next + index) % length] ?? '',
    )
    next = (next + candidates) % length
    yield { query: { ...query, documents } }
  }
}

async function drawnTexts({ stack, vector }: SourceOptions, callers: Callers): Promise<string[]> {
  const texts: string[] = []
  if (vector?.collection !== undefined && callers.vector !== null) {
    for await (const { text } of scrollPoints(callers.vector, vector.collection, {
      limit: drawnQueries,
      withVector: false,
    })) {
      if (text !== null) texts.push(text)
    }
  }
  if (texts.length > 0) return texts
  throw new UserError('stage rerank needs texts to rank, and there are none', {
    hint: `give each line of ${stack.workload.queries ?? 'the queries file'} "documents": […], or ragscale ingest <folder>`,
    exitCode: ExitCode.usage,
    code: 'queries',
  })
}
