import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { stackJsonSchema } from '../../../src/stack/json-schema.ts'

interface Schema {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly oneOf?: readonly Schema[]
  readonly items?: Schema
  readonly const?: unknown
}

const schema = JSON.parse(stackJsonSchema()) as Schema
const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

/** Every key there is, with its full name. */
function keysOf(at: Schema, path: readonly string[] = []): { path: readonly string[]; schema: Schema }[] {
  const own = Object.entries(at.properties ?? {}).flatMap(([key, inner]) => [
    { path: [...path, key], schema: inner },
    ...keysOf(inner, [...path, key]),
  ])
  const inner = [...(at.oneOf ?? []), ...(at.items === undefined ? [] : [at.items])]
  return [...own, ...inner.flatMap((choice) => keysOf(choice, path))]
}

describe('the schema for editors', () => {
  test('as committed is the one that the code reads files with (write it again: docs/configuration.md)', () => {
    expect(JSON.parse(read('templates/schema.json'))).toEqual(schema)
  })

  test('explains every key', () => {
    const silent = keysOf(schema).filter(
      ({ path, schema }) =>
        schema.description === undefined && schema.const === undefined && path[0] !== 'slo',
    )
    expect(silent.map(({ path }) => path.join('.'))).toEqual([])
  })

  test('and docs/configuration.md names every key', () => {
    const page = read('docs/configuration.md')
    const names = new Set(
      keysOf(schema)
        .filter(({ path }) => path[0] !== 'slo')
        .map(({ path }) => path.at(-1) ?? ''),
    )
    expect([...names].filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })
})
