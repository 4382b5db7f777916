import type { Finding, Path } from '../problems.ts'
import type { StackShape } from '../schema.ts'

/** A finding that follows from several keys: with one of them unreadable it means nothing. */
export interface RuleFinding extends Finding {
  readonly about: readonly Path[]
}

/** What a rule across the keys of a file finds; the keys' values are right one by one. It never throws. */
export type Rule = (shape: StackShape) => RuleFinding[]

/** `keys` are the keys that it follows from; it is shown at the first. */
function finding(
  severity: 'error' | 'warning',
  keys: readonly string[],
  message: string,
  hint?: string,
): RuleFinding {
  const about = keys.map((key) => key.split('.'))
  return { severity, path: about[0] ?? [], about, message, ...(hint === undefined ? {} : { hint }) }
}

export const error = (keys: readonly string[], message: string, hint?: string) =>
  finding('error', keys, message, hint)
export const warning = (keys: readonly string[], message: string, hint?: string) =>
  finding('warning', keys, message, hint)
