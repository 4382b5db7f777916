/** Changes of objects in words: what, and because of what. Pure. */
import type { FieldChange, ObjectChange } from './manifest.ts'
import { type Controller, type KubeObject, isController, tierLabel, titleOf } from './objects.ts'

/** Fields of one object that are shown before the rest is counted. */
const mostFields = 6
/** Longer values are named, and not shown. */
const mostCharacters = 60

/** `change Deployment handbook-ragscale-embed (spec.replicas 2 → 3)` */
export function changeWords({ object, fields }: ObjectChange): string {
  const shown = fields.slice(0, mostFields).map((field) => fieldWords(field, object))
  const rest = fields.length - shown.length
  const all = [...new Set(shown), ...(rest > 0 ? [`${rest} more`] : [])]
  return `change ${titleOf(object)} (${all.join('; ')})`
}

/** `make embed: Deployment (2 replicas), 2 Services, ConfigMap` */
export function groupWords(verb: 'make' | 'remove', name: string, objects: readonly KubeObject[]): string {
  const kinds = Map.groupBy(objects, ({ kind }) => kind)
  const listed = [...kinds].map(([kind, list]) => {
    const [first] = list
    if (list.length > 1) return `${list.length} ${plural(kind)}`
    return first === undefined || verb === 'remove' ? kind : `${kind}${countWords(first)}`
  })
  return `${verb} ${name}: ${listed.join(', ')}`
}

/** The workload that an object belongs to, else what it is called. */
export function workloadOf({ metadata }: KubeObject): string {
  return metadata.labels?.[tierLabel] ?? metadata.name
}

function countWords(object: KubeObject): string {
  if (!isController(object)) return ''
  const { replicas } = (object as Controller).spec
  return replicas === undefined ? '' : ` (${replicas} ${replicas === 1 ? 'replica' : 'replicas'})`
}

function fieldWords({ path, before, after }: FieldChange, { kind }: KubeObject): string {
  // What is said by a checksum is said by the ConfigMap beside it.
  if (path.endsWith('"checksum/config"')) return 'its configuration'
  if (kind === 'Secret') return path
  const [old, wanted] = [valueWords(before), valueWords(after)]
  if (old === null || wanted === null) return path
  if (before === undefined) return `${path}: ${wanted}`
  return after === undefined ? `${path} removed` : `${path} ${old} → ${wanted}`
}

/** Null for what is too long to read. */
function valueWords(value: unknown): string | null {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.length > mostCharacters || text.includes('\n') ? null : text
}

function plural(kind: string): string {
  return kind.endsWith('y') ? `${kind.slice(0, -1)}ies` : `${kind}s`
}
