import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { ExitCode, UserError, messageOf } from '../errors.ts'
import type { Query } from './query-lines.ts'
import { formatOf, parseQueryLine } from './query-lines.ts'

const problemsShown = 5

/**
 * The queries of a file, one at a time: plain text lines, or JSON lines.
 * @throws UserError (exit 2) naming every bad line (the first five), once it has read past them
 */
export async function* readQueries(file: string): AsyncGenerator<Query> {
  const problems: string[] = []
  let format: 'text' | 'json' | null = null
  let number = 0
  let found = false
  for await (const raw of linesOf(file)) {
    number += 1
    const line = (number === 1 ? raw.replace(/^\u{feff}/u, '') : raw).trim()
    if (line === '') continue
    format ??= formatOf(line)
    const parsed = parseQueryLine(line, format)
    if ('problem' in parsed) problems.push(`${file}:${number}: ${parsed.problem}`)
    else if (problems.length === 0) {
      found = true
      yield parsed.query
    }
    if (problems.length === problemsShown) break
  }
  if (problems.length > 0) {
    throw new UserError(problems.join('\n'), {
      hint: 'a queries file holds one text a line, or JSON lines { "query": "…", "vector"?, "expected"?, "documents"?, "inputTokens"?, "outputTokens"? }',
      exitCode: ExitCode.usage,
      code: 'queries',
    })
  }
  if (!found)
    throw new UserError(`${file} holds no queries`, {
      hint: 'write one question a line',
      exitCode: ExitCode.usage,
      code: 'queries',
    })
}

async function* linesOf(file: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })
  } catch (error) {
    throw new UserError(`could not read the queries: ${messageOf(error)}`, {
      hint: 'workload.queries names a file of questions, relative to ragscale.yaml',
      exitCode: ExitCode.usage,
      code: 'queries',
      cause: error,
    })
  }
}
