import { parsePath, type PathStep } from '../filter/path.ts'
import { isObject, type Payload } from '../wire/json.ts'

/** Changes to payloads, each giving a new one: a payload that an answer still holds never changes under it. */

/** Sets the given keys and keeps the others, at the top or at a path. */
export function setPayload(payload: Payload | null, changes: Payload, key: string | undefined): Payload {
  const path = key === undefined ? [] : (parsePath(key) ?? [])
  return setAt(payload ?? {}, path, changes) as Payload
}

function setAt(value: unknown, path: readonly PathStep[], changes: Payload): unknown {
  const [step, ...rest] = path
  if (step === undefined) return { ...(isObject(value) ? value : {}), ...changes }
  if (typeof step === 'string') {
    const parent = isObject(value) ? value : {}
    return { ...parent, [step]: setAt(parent[step], rest, changes) }
  }
  if (!Array.isArray(value)) return value
  return value.map((element: unknown, index) =>
    step.index === null || step.index === index ? setAt(element, rest, changes) : element,
  )
}

/** Takes keys out; a key may be a path. */
export function withoutKeys(payload: Payload | null, keys: readonly string[]): Payload | null {
  if (payload === null) return null
  return keys.reduce<Payload>((left, key) => removeAt(left, pathOf(key)) as Payload, payload)
}

function removeAt(value: unknown, path: readonly PathStep[]): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (typeof step === 'string') {
    if (!isObject(value) || !Object.hasOwn(value, step)) return value
    if (rest.length > 0) return { ...value, [step]: removeAt(value[step], rest) }
    return Object.fromEntries(Object.entries(value).filter(([name]) => name !== step))
  }
  if (!Array.isArray(value)) return value
  const hit = (index: number) => step.index === null || step.index === index
  if (rest.length === 0) return value.filter((_element, index) => !hit(index))
  return value.map((element: unknown, index) => (hit(index) ? removeAt(element, rest) : element))
}

/** Which part of a payload an answer holds. */
export type PayloadSelector =
  | boolean
  | { readonly include: readonly string[] }
  | { readonly exclude: readonly string[] }

/** What an answer shows of a payload: JSON text, or null when none was asked for. */
export function payloadText(payload: Payload | null, selector: PayloadSelector): string | null {
  if (selector === false) return null
  if (payload === null) return '{}'
  if (selector === true) return JSON.stringify(payload)
  if ('exclude' in selector) return JSON.stringify(withoutKeys(payload, selector.exclude))
  const kept: Payload = {}
  for (const key of selector.include) Object.assign(kept, merge(kept, only(payload, pathOf(key))))
  return JSON.stringify(kept)
}

/** The payload with nothing but what lies at a path; undefined when nothing does. */
function only(value: unknown, path: readonly PathStep[]): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (typeof step === 'string') {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined
    const inner = only(value[step], rest)
    return inner === undefined ? undefined : { [step]: inner }
  }
  if (!Array.isArray(value)) return undefined
  const elements = value.filter((_element, index) => step.index === null || step.index === index)
  const inner = elements
    .map((element: unknown) => only(element, rest))
    .filter((element) => element !== undefined)
  return inner.length === 0 ? undefined : inner
}

function merge(a: unknown, b: unknown): Payload {
  if (!isObject(a) || !isObject(b)) return isObject(b) ? b : isObject(a) ? a : {}
  const merged: Payload = { ...a }
  for (const [key, value] of Object.entries(b)) {
    merged[key] = isObject(merged[key]) && isObject(value) ? merge(merged[key], value) : value
  }
  return merged
}

function pathOf(key: string): PathStep[] {
  return parsePath(key) ?? [key]
}
