import { describe, expect, it } from 'vitest'
import { parseExact, sameJson } from '../../../../src/targets/qdrant/exact-json.ts'

describe('JSON that is copied', () => {
  it('is written as it was read: whole numbers beyond 2^53, floats without a fraction, texts', () => {
    const text = '{"id":18446744073709551615,"a":1.0,"b":[1e-7,-0.0,1.5,null,true,"1.0"],"c":{"d":7}}'
    expect(JSON.stringify(parseExact(text))).toBe(text)
  })

  it('is the same in whatever order its keys are, and only with the same values', () => {
    const same = (a: string, b: string, tolerance?: number) =>
      sameJson(parseExact(a), parseExact(b), tolerance)
    expect(same('{"a":1,"b":[2,{"c":null}]}', '{"b":[2,{"c":null}],"a":1}')).toBe(true)
    expect(same('18446744073709551615', '18446744073709551614')).toBe(false)
    // A float and a whole number are different kinds to an index.
    expect(same('1.0', '1')).toBe(false)
    expect(same('{"a":1}', '{"a":1,"b":2}')).toBe(false)
    expect(same('[1,2]', '[1]')).toBe(false)
    expect(same('[0.25,0.5]', '[0.2500001,0.5]', 1e-5)).toBe(true)
    expect(same('[0.25,0.5]', '[0.251,0.5]', 1e-5)).toBe(false)
    expect(same('{"a":null}', '{"a":0}')).toBe(false)
  })
})
