import { isObject, type Payload } from '../wire/json.ts'

/** A key into a payload: `a.b`, `a[].b`, `a[0]`, with names that hold dots or brackets in double quotes. */
export type PathStep = string | { readonly index: number | null }

/** The steps of a key; null when it is not well formed. */
export function parsePath(key: string): PathStep[] | null {
  const steps: PathStep[] = []
  const pattern = /"([^"]+)"|([^.[\]"]+)|\[(\d*)\]/y
  let at = 0
  while (at < key.length) {
    pattern.lastIndex = at
    const found = pattern.exec(key)
    if (found === null) return null
    const name = found[1] ?? found[2]
    if (name !== undefined) steps.push(name)
    else if (steps.length === 0) return null
    else steps.push({ index: found[3] === '' ? null : Number(found[3]) })
    at = pattern.lastIndex
    if (key[at] === '.') {
      at++
      if (at === key.length || key[at] === '[') return null
    } else if (at < key.length && key[at] !== '[') return null
  }
  return steps.length === 0 ? null : steps
}

/** Every value at a path; an array in the middle of a path is not searched unless the path says `[]`. */
export function valuesAt(payload: Payload | null, path: readonly PathStep[]): unknown[] {
  let found: unknown[] = payload === null ? [] : [payload]
  for (const step of path) {
    const next: unknown[] = []
    for (const value of found) {
      if (typeof step === 'string') {
        if (isObject(value) && Object.hasOwn(value, step)) next.push(value[step])
      } else if (Array.isArray(value)) {
        if (step.index === null) next.push(...value)
        else if (step.index < value.length) next.push(value[step.index])
      }
    }
    found = next
    if (found.length === 0) break
  }
  return found
}

/** As `valuesAt`, with the elements of an array in place of the array: what conditions look at. */
export function elementsAt(payload: Payload | null, path: readonly PathStep[]): unknown[] {
  return valuesAt(payload, path).flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [value]))
}
