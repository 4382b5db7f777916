/** One line of a queries file. Pure. */
import { closest, distance } from 'fastest-levenshtein'
import { z } from 'zod'

const querySchema = z.looseObject({
  query: z.string().trim().min(1).max(32_000),
  vector: z.array(z.number()).min(1).exactOptional(),
  /** Ids of the true nearest points, nearest first. */
  expected: z.array(z.union([z.string(), z.number()])).exactOptional(),
  /** Candidate texts, for the rerank stage. */
  documents: z.array(z.string().min(1)).min(1).exactOptional(),
  inputTokens: z.number().int().positive().exactOptional(),
  outputTokens: z.number().int().positive().exactOptional(),
})

export interface Query {
  readonly query: string
  readonly vector?: readonly number[]
  readonly expected?: readonly (string | number)[]
  readonly documents?: readonly string[]
  readonly inputTokens?: number
  readonly outputTokens?: number
}

const keys = ['query', 'vector', 'expected', 'documents', 'inputTokens', 'outputTokens'] as const

/** How the lines of a file are read: decided by its first line, so that a text may begin with a brace later. */
export type QueriesFormat = 'text' | 'json'

export function formatOf(firstLine: string): QueriesFormat {
  return firstLine.trimStart().startsWith('{') ? 'json' : 'text'
}

export type ParsedLine = { readonly query: Query } | { readonly problem: string }

/** What a line (not blank) asks. Keys that are not ours are let pass, misspelt ones are not. */
export function parseQueryLine(line: string, format: QueriesFormat): ParsedLine {
  if (format === 'text') {
    const parsed = querySchema.safeParse({ query: line })
    return parsed.success ? { query: { query: parsed.data.query } } : { problem: problemOf(parsed.error) }
  }
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch (error) {
    return { problem: `not JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
  const parsed = querySchema.safeParse(json)
  if (!parsed.success) return { problem: problemOf(parsed.error) }
  const misspelt = Object.keys(parsed.data).find((key) => isMisspelt(key))
  if (misspelt !== undefined)
    return { problem: `unknown key ${misspelt}: did you mean ${closest(misspelt, keys)}?` }
  const { query, vector, expected, documents, inputTokens, outputTokens } = parsed.data
  return { query: defined({ query, vector, expected, documents, inputTokens, outputTokens }) }
}

function isMisspelt(key: string): boolean {
  const known: readonly string[] = keys
  return !known.includes(key) && known.some((name) => distance(key.toLowerCase(), name.toLowerCase()) <= 2)
}

function problemOf(error: z.ZodError): string {
  const issue = error.issues[0]
  if (issue === undefined) return 'not a query'
  const where = issue.path.join('.')
  return where === '' ? issue.message : `${where}: ${issue.message}`
}

function defined(query: { [K in keyof Query]: Query[K] | undefined } & { query: string }): Query {
  return Object.fromEntries(
    Object.entries(query).filter(([, value]) => value !== undefined),
  ) as unknown as Query
}
