/** Manifests as Helm writes them: YAML documents, and what differs between two lists of them. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { type KubeObject, titleOf } from './objects.ts'

/** @throws Error for what is no YAML */
export function objectsIn(text: string): KubeObject[] {
  const documents = parseAllDocuments(text)
  if ('empty' in documents) return []
  return documents.flatMap((document) => {
    const [error] = document.errors
    if (error !== undefined) throw new Error(`Helm's manifest: ${error.message}`)
    const value = document.toJS() as KubeObject | null
    return value === null ? [] : [value]
  })
}

export interface ObjectChange {
  readonly kind: 'made' | 'changed' | 'removed'
  readonly object: KubeObject
  /** What differs; empty unless it is changed. */
  readonly fields: readonly FieldChange[]
}

export interface FieldChange {
  /** `spec.template.spec.containers[embed].image` */
  readonly path: string
  /** Undefined where it is not there. */
  readonly before: unknown
  readonly after: unknown
}

/** From the objects that are there to those that are wanted, in the order of the wanted, removals last. */
export function changesBetween(before: readonly KubeObject[], after: readonly KubeObject[]): ObjectChange[] {
  const old = new Map(before.map((object) => [keyOf(object), object]))
  const wanted = new Set(after.map(keyOf))
  return [
    ...after.flatMap((object): ObjectChange[] => {
      const was = old.get(keyOf(object))
      if (was === undefined) return [{ kind: 'made', object, fields: [] }]
      const fields = fieldChanges(was, object)
      return fields.length === 0 ? [] : [{ kind: 'changed', object, fields }]
    }),
    ...before.flatMap((object): ObjectChange[] =>
      wanted.has(keyOf(object)) ? [] : [{ kind: 'removed', object, fields: [] }],
    ),
  ]
}

/** The version of the API is not part of what an object is: `apps/v1` and `apps/v1beta1` are the same Deployment. */
export function keyOf(object: KubeObject): string {
  const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : ''
  return `${group} ${object.metadata.namespace ?? ''} ${titleOf(object)}`
}

export function fieldChanges(before: unknown, after: unknown, path = ''): FieldChange[] {
  if (isDeepStrictEqual(before, after)) return []
  if (isRecord(before) && isRecord(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...keys].flatMap((key) => fieldChanges(before[key], after[key], joined(path, key)))
  }
  const [old, wanted] = [byName(before), byName(after)]
  if (old !== null && wanted !== null) {
    const names = new Set([...old.keys(), ...wanted.keys()])
    return [...names].flatMap((name) => fieldChanges(old.get(name), wanted.get(name), `${path}[${name}]`))
  }
  return [{ path, before, after }]
}

/** Lists of things with names (containers, variables, ports) are compared by those; null for any other list. */
function byName(value: unknown): ReadonlyMap<string, unknown> | null {
  if (!Array.isArray(value)) return null
  const named = value.flatMap((item: unknown) =>
    isRecord(item) && typeof item['name'] === 'string' ? [[item['name'], item] as const] : [],
  )
  const map = new Map(named)
  return map.size === value.length ? map : null
}

function joined(path: string, key: string): string {
  const shown = /^[\w-]+$/.test(key) ? key : `"${key}"`
  return path === '' ? shown : `${path}.${shown}`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
