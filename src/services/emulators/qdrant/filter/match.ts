import { formatError } from '../errors.ts'
import { list, object, text, wrongType } from '../wire/fields.ts'
import { integerText } from '../wire/json.ts'

export type ValueTest = (value: unknown) => boolean

/** The test of one value that a `match` clause asks for. `tokenized`: the field has a full-text index. */
export function compileMatch(clause: unknown, tokenized: boolean): ValueTest {
  const fields = object(clause)
  if ('value' in fields) {
    const wanted = exactly(fields['value'])
    return (value) => same(value, wanted)
  }
  if ('any' in fields) {
    const wanted = new Set(list(fields['any']).map(exactly))
    return (value) => wanted.has(comparable(value))
  }
  if ('except' in fields) {
    const unwanted = new Set(list(fields['except']).map(exactly))
    return (value) => !unwanted.has(comparable(value))
  }
  if ('text' in fields) return textTest(text(fields['text']), tokenized, 'every')
  if ('text_any' in fields) return textTest(text(fields['text_any']), tokenized, 'some')
  if ('phrase' in fields) return phraseTest(text(fields['phrase']))
  throw formatError('data did not match any variant of untagged enum Match')
}

/** Texts, whole numbers and booleans, so that equal ones are equal in a set: large numbers by their digits. */
function comparable(value: unknown): unknown {
  return typeof value === 'object' ? `#${integerText(value) ?? ''}` : value
}

function exactly(value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'boolean' || integerText(value) !== null)
    return comparable(value)
  throw wrongType(value, 'a string, a whole number or a boolean')
}

function same(value: unknown, wanted: unknown): boolean {
  return comparable(value) === wanted
}

function textTest(query: string, tokenized: boolean, how: 'every' | 'some'): ValueTest {
  if (!tokenized) return (value) => typeof value === 'string' && value.includes(query)
  const wanted = wordsOf(query)
  return (value) => {
    if (typeof value !== 'string') return false
    const words = new Set(wordsOf(value))
    return how === 'every' ? wanted.every((word) => words.has(word)) : wanted.some((word) => words.has(word))
  }
}

function phraseTest(query: string): ValueTest {
  const wanted = ` ${wordsOf(query).join(' ')} `
  return (value) => typeof value === 'string' && ` ${wordsOf(value).join(' ')} `.includes(wanted)
}

function wordsOf(value: string): string[] {
  return value.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}
