/**
 * The queries that k6 asks, made complete before the test: vectors and true answers for `retrieve`, candidate
 * texts for `rerank`. They are written to a scratch folder, because query text stays out of runs.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { ExitCode, UserError } from '../errors.ts'
import type { Stack } from '../stack/stack.ts'
import { callerOf } from './http.ts'
import type { LoadStage, LoadTarget } from './plan.ts'
import type { Callers, Item } from './query-sources.ts'
import { completeQueries } from './query-sources.ts'

export interface PrepareOptions {
  readonly stage: LoadStage
  readonly stack: Pick<Stack, 'file' | 'workload'>
  /** Where `queries.jsonl` is written; the caller deletes it. */
  readonly folder: string
  /** What may be asked beforehand (`endpointTarget`): for vectors, and for points. */
  readonly embed: LoadTarget | null
  readonly vector: LoadTarget | null
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal
  /** Called with how many queries are ready. */
  readonly onProgress?: (done: number) => void
  /** Bytes of text and vectors that k6 may hold; queries beyond it are left out, with a notice. */
  readonly maxBytes?: number
}

export interface PreparedQueries {
  readonly file: string
  readonly count: number
  /** How many know their true answers: recall@k is measured on these. */
  readonly withExpected: number
  /** Of the lines written: runs that asked the same queries have the same. */
  readonly sha256: string
  /** What a reader of the run should know about where the queries came from. */
  readonly notices: readonly string[]
}

const defaultMaxBytes = 64 * 1024 ** 2

/** @throws UserError: exit 2 for the queries file, 4 for a server that should help and does not */
export async function prepareQueries(options: PrepareOptions): Promise<PreparedQueries> {
  const callers = await openCallers(options)
  try {
    return await writeQueries(options, completeQueries(options, callers))
  } finally {
    await callers.embed?.close()
    await callers.vector?.close()
  }
}

async function openCallers({ stage, embed, vector, env, signal }: PrepareOptions): Promise<Callers> {
  const needed = stage === 'retrieve' || stage === 'rerank'
  return {
    embed: needed && embed !== null ? await callerOf(embed, env, signal) : null,
    vector: needed && vector !== null ? await callerOf(vector, env, signal) : null,
  }
}

async function writeQueries(options: PrepareOptions, items: AsyncIterable<Item>): Promise<PreparedQueries> {
  const { folder, stack, maxBytes = defaultMaxBytes } = options
  const file = join(folder, 'queries.jsonl')
  const notices: string[] = []
  const hash = createHash('sha256')
  const handle = await open(file, 'w', 0o600)
  let count = 0
  let withExpected = 0
  let bytes = 0
  let dimensions: number | null = null
  try {
    for await (const item of items) {
      if ('notice' in item) {
        notices.push(item.notice)
        continue
      }
      const { query } = item
      dimensions ??= query.vector?.length ?? null
      if (query.vector !== undefined && query.vector.length !== dimensions)
        throw unequal(stack.workload.queries ?? '', count + 1, query.vector.length, dimensions ?? 0)
      const line = `${JSON.stringify(query)}\n`
      // A prompt is lengthened to its tokens in k6, at about four bytes each.
      bytes += line.length + 4 * (query.inputTokens ?? 0)
      if (bytes > maxBytes && count > 0) {
        notices.push(
          `only the first ${count} queries are asked: more would not fit into ${maxBytes / 1024 ** 2} MiB`,
        )
        break
      }
      await handle.write(line)
      hash.update(line)
      count += 1
      if (query.expected !== undefined && query.expected.length > 0) withExpected += 1
      options.onProgress?.(count)
    }
  } finally {
    await handle.close()
  }
  return { file, count, withExpected, sha256: hash.digest('hex'), notices }
}

function unequal(file: string, query: number, got: number, before: number): UserError {
  return new UserError(
    `${file}: query ${query} has a vector of ${got} dimensions, those before it have ${before}`,
    {
      exitCode: ExitCode.usage,
      code: 'queries',
    },
  )
}
