/** Where the answer is in what a RAG service sends: `$.choices[0].text`. The scripts that k6 runs read the same paths. */
export type AnswerPath = readonly (string | number)[]

const part = /\.([\w$-]+)|\[(\d+)\]|\['([^']*)'\]/g

/** Takes a path that the stack's schema has let through. */
export function parseAnswerPath(path: string): AnswerPath {
  return [...path.matchAll(part)].map(([, name, index, quoted]) =>
    index === undefined ? (name ?? quoted ?? '') : Number(index),
  )
}

export type Found =
  | { readonly kind: 'answer' }
  /** What is at the path is null, an empty text or an empty list. */
  | { readonly kind: 'empty' }
  /** `at`: as far as the path goes; `there`: the keys or the kind of value found in place of the next one. */
  | { readonly kind: 'missing'; readonly at: string; readonly there: string }

/** Follows a path through an answer. Names keys only, never values: they are somebody's texts. */
export function findAnswer(value: unknown, path: AnswerPath): Found {
  let here = value
  let at = '$'
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key))
      return { kind: 'missing', at, there: contentsOf(here) }
    here = (here as Record<string | number, unknown>)[key]
    at += typeof key === 'number' ? `[${key}]` : `.${key}`
  }
  const empty = here === null || here === '' || (Array.isArray(here) && here.length === 0)
  return { kind: empty ? 'empty' : 'answer' }
}

const shownKeys = 8

function contentsOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value !== 'object') return `a ${typeof value}`
  const keys = Object.keys(value)
  if (keys.length === 0) return 'an object without keys'
  return `${keys.slice(0, shownKeys).join(', ')}${keys.length > shownKeys ? ', …' : ''}`
}
