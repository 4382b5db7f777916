// Any RAG service over HTTP: a body with `{{query}}` in it, and where the answer is in what comes back.
import type { Query, Target } from '../plan.ts'

export function body(query: Query, target: Target): string {
  if (target.body === undefined) throw new Error('an endpoint of protocol http needs a body')
  // A function, because in a replacement text `$&` and its like would be read as patterns.
  return target.body.replaceAll('{{query}}', () => JSON.stringify(query.query))
}

/** `$.choices[0].text` as `['choices', 0, 'text']`; throws on what it does not understand. */
export function parsePath(path: string): (string | number)[] {
  if (!path.startsWith('$')) throw new Error(`an answer path begins with $: ${path}`)
  const keys: (string | number)[] = []
  const part = /\.([\w$-]+)|\[(\d+)\]|\['([^']*)'\]/y
  part.lastIndex = 1
  while (part.lastIndex < path.length) {
    const at = part.lastIndex
    const found = part.exec(path)
    if (found === null)
      throw new Error(`an answer path is made of .name, ['name'] and [0]: ${path}, at ${path.slice(at)}`)
    keys.push(found[2] === undefined ? (found[1] ?? found[3] ?? '') : Number(found[2]))
  }
  return keys
}

/** Whether the answer holds something at `keys`: not null, not an empty text or list. */
export function answers(body: string | null, keys: readonly (string | number)[]): boolean {
  if (body === null) return false
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return false
  }
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return false
    value = (value as Record<string | number, unknown>)[key]
  }
  return (
    value !== null && value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)
  )
}
