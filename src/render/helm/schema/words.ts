/** Short words for JSON Schema (draft 7, which every Helm 3 and 4 reads). */

export type Schema = Readonly<Record<string, unknown>>

export const text: Schema = { type: 'string' }
export const flag: Schema = { type: 'boolean' }
export const anyObject: Schema = { type: 'object' }

export function named(pattern: string): Schema {
  return { type: 'string', pattern }
}

export function whole(minimum: number, maximum?: number): Schema {
  return { type: 'integer', minimum, ...(maximum === undefined ? {} : { maximum }) }
}

export function oneOf(...values: readonly (string | boolean)[]): Schema {
  return { enum: values }
}

export function listOf(items: Schema, more: Schema = {}): Schema {
  return { type: 'array', items, ...more }
}

export function mapOf(values: Schema, names?: string): Schema {
  return {
    type: 'object',
    additionalProperties: values,
    ...(names === undefined ? {} : { propertyNames: { pattern: names } }),
  }
}

/** An object with these keys and no others: a misspelt one is an error, and not a silence. */
export function closed(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
): Schema {
  return {
    type: 'object',
    additionalProperties: false,
    properties,
    ...(required.length === 0 ? {} : { required }),
  }
}

/** Of the schema's own `definitions`. */
export function defined(name: string): Schema {
  return { $ref: `#/definitions/${name}` }
}
