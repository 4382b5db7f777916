import { formatError, invalidBody, notEmulated, wrongDimension, wrongInput } from '../errors.ts'
import type { CollectionState, ShardKey } from '../cluster/state.ts'
import { textFieldsOf } from '../cluster/state.ts'
import { compileFilter } from '../filter/filter.ts'
import { prepared } from '../search/distance.ts'
import type { PointSelection } from '../storage/operation.ts'
import type { PayloadSelector } from '../storage/payload.ts'
import type { Shown } from '../storage/read.ts'
import { float, list, optional, text, unsigned, wrongType, type Fields } from '../wire/fields.ts'
import { isObject } from '../wire/json.ts'
import { pointIdOf } from '../wire/point-id.ts'

/** Parts that bodies of several endpoints share. */

/** A vector of the collection, as it is stored. */
export function vectorOf(value: unknown, collection: CollectionState): Float32Array {
  const { size, distance } = collection.config.params.vectors
  if (isObject(value)) {
    const [name = ''] = Object.keys(value)
    if (name === '') return vectorOf(value[''], collection)
    if (['text', 'image', 'object', 'model'].includes(name)) throw notEmulated('inference')
    if (name === 'indices' || name === 'values') throw notEmulated('sparse vectors')
    throw wrongInput(`Not existing vector name error: ${name}`)
  }
  const coordinates = list(value)
  if (Array.isArray(coordinates[0])) throw notEmulated('multivectors')
  if (coordinates.length !== size) {
    coordinates.forEach(float)
    throw wrongDimension(size, coordinates.length)
  }
  const vector = new Float32Array(size)
  for (let index = 0; index < size; index++) {
    const coordinate = coordinates[index]
    vector[index] = typeof coordinate === 'number' ? coordinate : float(coordinate)
  }
  return prepared(vector, distance)
}

/** `with_payload`, `with_vector` (`with_vectors`). */
export function shownOf(fields: Fields, defaults: { readonly payload: boolean }): Shown {
  const vector = fields['with_vector'] ?? fields['with_vectors'] ?? false
  if (typeof vector !== 'boolean' && !Array.isArray(vector))
    throw wrongType(vector, 'a boolean, or an array of strings')
  return {
    payload: payloadSelector(fields['with_payload'], defaults.payload),
    vector: typeof vector === 'boolean' ? vector : vector.includes(''),
  }
}

function payloadSelector(value: unknown, byDefault: boolean): PayloadSelector {
  if (value === undefined || value === null) return byDefault
  if (typeof value === 'boolean') return value
  if (Array.isArray(value)) return { include: value.map(text) }
  if (isObject(value) && 'include' in value) return { include: list(value['include']).map(text) }
  if (isObject(value) && 'exclude' in value) return { exclude: list(value['exclude']).map(text) }
  throw formatError('Expected a boolean, an array of strings, or an object with an include/exclude field')
}

/** A filter that is well formed, or null. */
export function filterOf(value: unknown, collection: CollectionState): unknown {
  if (value === undefined || value === null) return null
  compileFilter(value, { textFields: new Set(textFieldsOf(collection)) })
  return value
}

/** The points that an operation is about: `points` or `filter`. */
export function selectionOf(fields: Fields, collection: CollectionState): PointSelection | null {
  if (fields['points'] !== undefined && fields['points'] !== null)
    return { ids: list(fields['points']).map(pointIdOf) }
  const filter = filterOf(fields['filter'], collection)
  return filter === null ? null : { filter, textFields: textFieldsOf(collection) }
}

/** `shard_key`: one, several, or one to fall back on. */
export function shardKeys(value: unknown): ShardKey[] | null {
  if (value === undefined || value === null) return null
  if (Array.isArray(value)) return value.map(shardKey)
  if (isObject(value) && 'target' in value) return [shardKey(value['target'])]
  return [shardKey(value)]
}

export function shardKey(value: unknown): ShardKey {
  if (typeof value === 'string') return value
  return unsigned(value, 'a string or an integer')
}

/** `limit`, which is at least 1 when given. */
export function limitOf(fields: Fields, byDefault: number): number {
  const limit = optional(fields['limit'], unsigned) ?? byDefault
  if (limit < 1) throw invalidBody([['limit', `value ${limit} invalid, must be 1 or larger`]])
  return limit
}
