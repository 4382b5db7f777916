import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answers, parsePath } from '../../../k6-scripts/protocols/http.ts'
import { findAnswer, parseAnswerPath } from '../../../src/load/answer-path.ts'

const name = fc.stringMatching(/^[A-Za-z_$][\w$-]{0,8}$/)
const quoted = fc.stringMatching(/^[^'\\]{0,8}$/).filter((text) => text !== '__proto__')
const part = fc.oneof(
  name.filter((text) => text !== '__proto__').map((key) => ({ text: `.${key}`, key })),
  fc.nat(3).map((key) => ({ text: `[${key}]`, key })),
  quoted.map((key) => ({ text: `['${key}']`, key })),
)
const path = fc.array(part, { maxLength: 5 })

/** A value that holds `leaf` at the end of the keys. */
function holding(keys: readonly (string | number)[], leaf: unknown): unknown {
  const [first, ...rest] = keys
  if (first === undefined) return leaf
  const inner = holding(rest, leaf)
  if (typeof first === 'string') return { [first]: inner }
  return [...Array.from({ length: first }, () => null), inner]
}

describe('the path to an answer', () => {
  it('is read as the scripts that k6 runs read it', () => {
    fc.assert(
      fc.property(path, (parts) => {
        const text = `$${parts.map((one) => one.text).join('')}`
        expect(parseAnswerPath(text)).toEqual(parts.map(({ key }) => key))
        expect(parseAnswerPath(text)).toEqual(parsePath(text))
      }),
    )
  })

  it('finds what is there, and agrees with the scripts whether that is an answer', () => {
    const leaf = fc.oneof(fc.string(), fc.constant(null), fc.constant([]), fc.integer(), fc.boolean())
    fc.assert(
      fc.property(path, leaf, (parts, value) => {
        const keys = parts.map(({ key }) => key)
        const body = holding(keys, value)
        const { kind } = findAnswer(body, keys)
        expect(kind).not.toBe('missing')
        expect(kind === 'answer').toBe(answers(JSON.stringify(body), keys))
      }),
    )
  })

  it.each([
    [{ result: { answers: [] } }, '$.result.text', '$.result', 'answers'],
    [{ a: [1, 2] }, '$.a[2]', '$.a', 'a list of 2'],
    [{ a: 'said' }, '$.a.text', '$.a', 'a string'],
    [null, '$.a', '$', 'null'],
    [{}, '$.a', '$', 'an object without keys'],
    [{ b: 1 }, '$.toString', '$', 'b'],
  ])('%j has nothing at %s, and what is there is named by its keys alone', (value, text, at, there) => {
    expect(findAnswer(value, parseAnswerPath(text))).toEqual({ kind: 'missing', at, there })
  })
})
