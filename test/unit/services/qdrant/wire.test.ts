import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonSyntaxError } from '../../../../src/services/emulators/qdrant/wire/json-syntax.ts'
import { parseBody, parseExact } from '../../../../src/services/emulators/qdrant/wire/json.ts'
import {
  float32Text,
  float64Text,
  secondsText,
} from '../../../../src/services/emulators/qdrant/wire/number-text.ts'
import {
  comparePointIds,
  pointIdFromText,
  pointIdJson,
  pointIdOf,
  pointIdText,
} from '../../../../src/services/emulators/qdrant/wire/point-id.ts'

describe('what is wrong with a text that is not JSON', () => {
  it('is told as serde_json tells it', () => {
    const said: Readonly<Record<string, string>> = {
      '': 'EOF while parsing a value at line 1 column 0',
      '{"points":[': 'EOF while parsing a list at line 1 column 11',
      '{"points"': 'EOF while parsing an object at line 1 column 9',
      '{"points': 'EOF while parsing a string at line 1 column 8',
      '{"a":1 "b"}': 'expected `,` or `}` at line 1 column 8',
      '[1 2]': 'expected `,` or `]` at line 1 column 4',
      '{a:1}': 'key must be a string at line 1 column 2',
      '{"a":1}\n x': 'trailing characters at line 2 column 2',
      '[1,]': 'trailing comma at line 1 column 4',
      nul: 'EOF while parsing a value at line 1 column 3',
      nulx: 'expected ident at line 1 column 4',
      '{"a":01}': 'invalid number at line 1 column 7',
      '"\\x"': 'invalid escape at line 1 column 3',
    }
    for (const [text, message] of Object.entries(said)) expect(jsonSyntaxError(text), text).toBe(message)
  })

  it('is nothing exactly when the text is JSON', () => {
    const valid = (text: string) => {
      try {
        JSON.parse(text)
        return true
      } catch {
        return false
      }
    }
    const spoiled = fc.tuple(
      fc.json({ maxDepth: 4 }),
      fc.nat(),
      fc.constantFrom('', ',', '"', '}', ']', '\\', '0', 'e', '-', ' '),
    )
    fc.assert(
      fc.property(spoiled, ([json, at, put]) => {
        const position = at % (json.length + 1)
        const text = json.slice(0, position) + put + json.slice(position + (put === '' ? 1 : 0))
        expect(jsonSyntaxError(text) === null).toBe(valid(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('is an early end for whatever begins an array or an object and stops', () => {
    fc.assert(
      fc.property(fc.array(fc.json({ maxDepth: 3 })), fc.nat(), (values, at) => {
        const json = `[${values.join(',')}]`
        const cut = 1 + (at % (json.length - 1))
        expect(jsonSyntaxError(json.slice(0, cut))).toMatch(/^EOF while parsing/)
      }),
    )
  })
})

describe('whole numbers beyond 2^53', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (integers, float) => {
          const text = `{"ids":[${integers.join(',')}],"x":${JSON.stringify(float)}}`
          expect(JSON.stringify(parseExact(text))).toBe(
            JSON.stringify({ ids: [], x: float }).replace('[]', `[${integers.join(',')}]`),
          )
        },
      ),
    )
  })

  it('are left alone inside texts', () => {
    expect(parseBody('{"a":", 12345678901234567890,","b":1}')).toEqual({ a: ', 12345678901234567890,', b: 1 })
  })
})

describe('a number as text', () => {
  it('is the shortest single-precision one that reads back', () => {
    for (const text of [
      '0.74134153',
      '0.015865214',
      '-0.071957715',
      '0.69098806',
      '1.0',
      '0.0',
      '100000.0',
    ]) {
      expect(float32Text(Math.fround(Number(text)))).toBe(text)
    }
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Math.fround(Number(float32Text(value)))).toBe(value)
      }),
      { numRuns: 2000 },
    )
  })

  it('changes to powers of ten where Rust does', () => {
    expect(float64Text(9.227e-6)).toBe('9.227e-6')
    expect(float64Text(0.000020528)).toBe('0.000020528')
    expect(float64Text(1e16)).toBe('1e16')
    expect(float64Text(1234567890123456)).toBe('1234567890123456.0')
    expect(float32Text(Math.fround(1e-7))).toBe('1e-7')
    expect(secondsText(0)).toBe('0.0')
    expect(secondsText(1603.929662)).toBe('1.603929662')
  })

  it('reads back in double precision', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(float64Text(value))).toBe(value)
      }),
    )
  })
})

describe('a point id', () => {
  const ids = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String), fc.uuid())

  it('is an unsigned 64-bit integer or a UUID, to the letter', () => {
    fc.assert(
      fc.property(ids, (text) => {
        const id = pointIdFromText(text)!
        expect(pointIdText(id).replaceAll('"', '')).toBe(text)
        expect(pointIdOf(parseExact(JSON.stringify(pointIdJson(id))))).toBe(id)
      }),
    )
  })

  it('is the same however a UUID is written', () => {
    const uuid = '5c56c793-69f3-4fbf-87e6-c4bf54c28c26'
    for (const text of [uuid.toUpperCase(), uuid.replaceAll('-', ''), `{${uuid}}`, `urn:uuid:${uuid}`])
      expect(pointIdOf(text)).toBe(uuid)
  })

  it('is refused in the words of Qdrant when it is something else', () => {
    for (const [value, shown] of [
      ['abc', 'abc'],
      [-1, '-1'],
      [1.5, '1.5'],
    ] as const) {
      expect(() => pointIdOf(value)).toThrow(
        `Format error in JSON body: value ${shown} is not a valid point ID, valid values are either an unsigned integer or a UUID`,
      )
    }
    expect(pointIdFromText('18446744073709551616')).toBeNull()
  })

  it('is ordered by number, and before every UUID', () => {
    fc.assert(
      fc.property(fc.array(ids), (texts) => {
        const sorted = texts.map((text) => pointIdFromText(text)!).toSorted(comparePointIds)
        const numbers = sorted.filter((id) => typeof id !== 'string')
        expect(sorted.slice(0, numbers.length)).toEqual(numbers)
        expect(numbers.map(BigInt)).toEqual(
          numbers.map(BigInt).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
        )
      }),
    )
  })
})
