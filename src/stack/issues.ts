/** zod's issues → findings in our words: an unknown key gets the nearest known one, a wrong word the words there are. */
import { closest, distance } from 'fastest-levenshtein'
import { z } from 'zod'
import { getIn } from './paths.ts'
import type { Finding, Path } from './problems.ts'
import { stackSchema } from './schema.ts'
import { show } from './units.ts'

type Issue = z.core.$ZodIssue

/** Keys that people look for where they are not, with where they are. */
const elsewhere: Readonly<Record<string, string>> = {
  'tiers.vector.replicas': 'a vector tier is counted in nodes',
  'tiers.vector.shards': 'it belongs in collection',
  'tiers.vector.replication': 'it belongs in collection',
  'tiers.vector.dimensions': 'it belongs in collection',
  'tiers.generate.nodes': 'this tier is counted in replicas',
  'tiers.embed.nodes': 'this tier is counted in replicas',
  'tiers.vector.resources.cpus': 'the cores of a node are tiers.vector.cpus',
  'tiers.vector.autoscale': 'nodes share the data: their number is changed by scale, with the shards moved',
}

export function findingsOf(issues: readonly Issue[], value: unknown): Finding[] {
  return issues.flatMap((issue) => findingOf(issue, value))
}

function findingOf(issue: Issue, value: unknown): Finding[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      severity: 'error',
      path: [...path, key],
      atKey: true,
      message: 'unknown key',
      hint: hintFor([...path, key], knownKeys(path, value)),
    }))
  }
  const input = 'input' in issue ? issue.input : undefined
  if (issue.code === 'invalid_value' || (issue.code === 'invalid_union' && 'discriminator' in issue)) {
    const words =
      'values' in issue ? issue.values.map(String) : 'options' in issue ? (issue.options as string[]) : []
    const got = issue.code === 'invalid_value' ? input : getIn(value, path)
    if (got === undefined) return [missing(path, `one of ${words.join(', ')}`)]
    const near = typeof got === 'string' ? nearest(got, words) : undefined
    return [
      {
        severity: 'error',
        path,
        message: `expected ${listed(words)}, got ${show(got)}${near === undefined ? '' : `: did you mean ${near}?`}`,
      },
    ]
  }
  if (issue.code === 'invalid_type' && input === undefined) return [missing(path)]
  if (issue.code === 'invalid_type' && issue.expected === 'object') {
    return [{ severity: 'error', path, message: `expected a map of keys, got ${show(input)}` }]
  }
  return [{ severity: 'error', path, message: issue.message }]
}

function missing(path: Path, what?: string): Finding {
  const description = what ?? describe(path)
  return {
    severity: 'error',
    path,
    message: 'missing',
    ...(description === undefined ? {} : { hint: description.replace(/\.$/, '') }),
  }
}

function hintFor(path: Path, known: readonly string[]): string {
  const key = path.at(-1) ?? ''
  const moved = elsewhere[path.join('.')]
  if (moved !== undefined) return moved
  const near = nearest(key, known)
  return near === undefined ? `known here: ${known.join(', ')}` : `did you mean ${near}?`
}

/** The nearest word, unless it is too far to have been meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const near = closest(
    word.toLowerCase(),
    known.map((other) => other.toLowerCase()),
  )
  const found = known.find((other) => other.toLowerCase() === near)
  return found !== undefined && distance(word.toLowerCase(), near) <= Math.max(2, word.length / 3)
    ? found
    : undefined
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

interface JsonSchema {
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly oneOf?: readonly JsonSchema[]
  readonly items?: JsonSchema
  readonly const?: unknown
}

/** What may be written at a path, read off the JSON Schema: zod's own tree has no public way in. */
function schemaAt(path: Path, value: unknown): JsonSchema | undefined {
  let schema: JsonSchema | undefined = z.toJSONSchema(stackSchema, { io: 'input' }) as JsonSchema
  for (const [index, segment] of path.entries()) {
    schema = schema?.properties?.[segment] ?? schema?.items
    const model = getIn(value, [...path.slice(0, index + 1), 'model'])
    schema = schema?.oneOf?.find((choice) => choice.properties?.['model']?.const === model) ?? schema
  }
  return schema
}

function knownKeys(path: Path, value: unknown): string[] {
  return Object.keys(schemaAt(path, value)?.properties ?? {})
}

function describe(path: Path): string | undefined {
  return schemaAt(path, undefined)?.description
}
