import { formatError, notEmulated } from '../errors.ts'
import { flag, list, object, optional, text, unsigned, type Fields } from '../wire/fields.ts'
import { isObject, type Payload } from '../wire/json.ts'
import { pointIdOf, type PointId } from '../wire/point-id.ts'
import { compileMatch } from './match.ts'
import { elementsAt, parsePath, valuesAt, type PathStep } from './path.ts'
import { compileRange } from './range.ts'

/** Whether a point passes. */
export type Predicate = (id: PointId, payload: Payload | null) => boolean

export interface FilterContext {
  /** Fields with a full-text index: `match.text` compares words there and looks for a part elsewhere. */
  readonly textFields: ReadonlySet<string>
}

const clauses = ['should', 'min_should', 'must', 'must_not'] as const

/** Reads a filter as Qdrant takes it; throws its error for what it would refuse. */
export function compileFilter(filter: unknown, context: FilterContext): Predicate {
  const fields = object(filter, 'struct Filter')
  for (const name of Object.keys(fields)) {
    if (!(clauses as readonly string[]).includes(name)) {
      throw formatError(
        `unknown field \`${name}\`, expected one of ${clauses.map((clause) => `\`${clause}\``).join(', ')}`,
      )
    }
  }
  const conditions = (value: unknown) =>
    value === undefined || value === null
      ? []
      : (Array.isArray(value) ? (value as unknown[]) : [value]).map((one) => compileCondition(one, context))
  const must = conditions(fields['must'])
  const mustNot = conditions(fields['must_not'])
  const should = conditions(fields['should'])
  const minShould = optional(fields['min_should'], (value) => {
    const { conditions: some, min_count: count } = object(value)
    return { conditions: conditions(some), count: unsigned(count) }
  })
  return (id, payload) =>
    must.every((test) => test(id, payload)) &&
    !mustNot.some((test) => test(id, payload)) &&
    (should.length === 0 || should.some((test) => test(id, payload))) &&
    (minShould === undefined ||
      minShould.conditions.filter((test) => test(id, payload)).length >= minShould.count)
}

function compileCondition(value: unknown, context: FilterContext): Predicate {
  if (!isObject(value)) throw noCondition()
  if ('key' in value) return compileField(value, context)
  if ('has_id' in value) {
    const ids = new Set(list(value['has_id']).map(pointIdOf))
    return (id) => ids.has(id)
  }
  if ('is_empty' in value) return emptyAt(pathOf(object(value['is_empty'])['key']))
  if ('is_null' in value) return nullAt(pathOf(object(value['is_null'])['key']))
  if ('has_vector' in value) {
    // Every point here has the one vector without a name.
    const name = text(value['has_vector'])
    return () => name === ''
  }
  if ('nested' in value) return compileNested(object(value['nested']), context)
  if (clauses.some((clause) => clause in value)) return compileFilter(value, context)
  throw noCondition()
}

function compileNested(fields: Fields, context: FilterContext): Predicate {
  const path = pathOf(fields['key'])
  const inner = compileFilter(fields['filter'], context)
  return (id, payload) => elementsAt(payload, path).some((element) => isObject(element) && inner(id, element))
}

function compileField(fields: Fields, context: FilterContext): Predicate {
  const key = text(fields['key'])
  const path = pathOf(key)
  const tests: Predicate[] = []
  const onValues = (test: (value: unknown) => boolean) =>
    tests.push((_id, payload) => elementsAt(payload, path).some(test))

  for (const [name, value] of Object.entries(fields)) {
    if (name === 'key' || value === null || value === undefined) continue
    if (name === 'match') onValues(compileMatch(value, context.textFields.has(key)))
    else if (name === 'range') onValues(compileRange(value))
    else if (name === 'values_count') tests.push(countAt(path, compileRange(value)))
    else if (name === 'is_empty') tests.push(unless(flag(value), emptyAt(path)))
    else if (name === 'is_null') tests.push(unless(flag(value), nullAt(path)))
    else if (name.startsWith('geo_')) throw notEmulated('geographic conditions')
    else throw noCondition()
  }
  if (tests.length === 0) throw noCondition()
  return (id, payload) => tests.every((test) => test(id, payload))
}

function unless(wanted: boolean, test: Predicate): Predicate {
  return (id, payload) => test(id, payload) === wanted
}

function emptyAt(path: readonly PathStep[]): Predicate {
  return (_id, payload) => elementsAt(payload, path).every((value) => value === null)
}

function nullAt(path: readonly PathStep[]): Predicate {
  return (_id, payload) => elementsAt(payload, path).includes(null)
}

function countAt(path: readonly PathStep[], inRange: (value: unknown) => boolean): Predicate {
  const countOf = (value: unknown) => (Array.isArray(value) ? value.length : value === null ? 0 : 1)
  return (_id, payload) => {
    const values = valuesAt(payload, path)
    return inRange(values.reduce((sum: number, value) => sum + countOf(value), 0))
  }
}

function pathOf(key: unknown): PathStep[] {
  const path = parsePath(text(key))
  if (path === null) throw formatError(`Invalid json path: '${text(key)}'`)
  return path
}

function noCondition(): Error {
  return formatError(
    'Expected some form of condition, which can be a field condition (like {"key": ..., "match": ... }), or some other mentioned in the documentation: https://qdrant.tech/documentation/concepts/filtering/#filtering-conditions',
  )
}
