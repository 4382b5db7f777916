import { describe, expect, it } from 'vitest'
import { compileFilter } from '../../../../src/services/emulators/qdrant/filter/filter.ts'
import { parsePath, valuesAt } from '../../../../src/services/emulators/qdrant/filter/path.ts'
import { parseExact, type Payload } from '../../../../src/services/emulators/qdrant/wire/json.ts'

const payload: Payload = {
  city: 'Berlin',
  price: 11.5,
  count: 3,
  open: true,
  tags: ['red', 'blue'],
  empty: [],
  nothing: null,
  at: '2024-03-01T12:00:00Z',
  text: 'The quick brown fox',
  country: {
    name: 'Germany',
    cities: [
      { name: 'Berlin', sights: ['Gate', 'Tower'] },
      { name: 'Bonn', sights: [] },
    ],
  },
  'a.b': { c: 1 },
}

const passes = (filter: unknown, textFields: string[] = []) =>
  compileFilter(filter, { textFields: new Set(textFields) })(7, payload)
const must = (condition: object) => passes({ must: [condition] })

describe('a filter', () => {
  it('passes everything when it is empty', () => {
    expect(passes({})).toBe(true)
  })

  it.each([
    [{ key: 'city', match: { value: 'Berlin' } }, true],
    [{ key: 'city', match: { value: 'Bonn' } }, false],
    [{ key: 'count', match: { value: 3 } }, true],
    [{ key: 'count', match: { value: '3' } }, false],
    [{ key: 'open', match: { value: true } }, true],
    [{ key: 'tags', match: { value: 'blue' } }, true],
    [{ key: 'tags', match: { any: ['green', 'red'] } }, true],
    [{ key: 'tags', match: { any: ['green'] } }, false],
    [{ key: 'city', match: { except: ['Berlin'] } }, false],
    [{ key: 'city', match: { except: ['Bonn'] } }, true],
    [{ key: 'absent', match: { except: ['x'] } }, false],
    [{ key: 'text', match: { text: 'quick br' } }, true],
    [{ key: 'text', match: { phrase: 'quick brown' } }, true],
    [{ key: 'text', match: { phrase: 'quick fox' } }, false],
    [{ key: 'price', range: { gt: 11, lte: 11.5 } }, true],
    [{ key: 'price', range: { lt: 11.5 } }, false],
    [{ key: 'city', range: { gt: 0 } }, false],
    [{ key: 'at', range: { gte: '2024-01-01', lt: '2025-01-01' } }, true],
    [{ key: 'at', range: { lt: '2024-01-01T00:00:00Z' } }, false],
    [{ key: 'tags', values_count: { gte: 2 } }, true],
    [{ key: 'tags', values_count: { gt: 2 } }, false],
    [{ is_empty: { key: 'empty' } }, true],
    [{ is_empty: { key: 'absent' } }, true],
    [{ is_empty: { key: 'nothing' } }, true],
    [{ is_empty: { key: 'tags' } }, false],
    [{ key: 'tags', is_empty: false }, true],
    [{ is_null: { key: 'nothing' } }, true],
    [{ is_null: { key: 'absent' } }, false],
    [{ has_id: [1, 7] }, true],
    [{ has_id: [1] }, false],
    [{ has_vector: '' }, true],
    [{ has_vector: 'image' }, false],
    [{ key: 'country.name', match: { value: 'Germany' } }, true],
    [{ key: 'country.cities[].sights', match: { value: 'Tower' } }, true],
    [{ key: 'country.cities[1].name', match: { value: 'Bonn' } }, true],
    [{ key: 'country.cities[1].name', match: { value: 'Berlin' } }, false],
    [{ key: '"a.b".c', match: { value: 1 } }, true],
    [
      {
        nested: {
          key: 'country.cities',
          filter: { must: [{ key: 'name', match: { value: 'Bonn' } }, { is_empty: { key: 'sights' } }] },
        },
      },
      true,
    ],
    [
      {
        nested: {
          key: 'country.cities',
          filter: { must: [{ key: 'name', match: { value: 'Berlin' } }, { is_empty: { key: 'sights' } }] },
        },
      },
      false,
    ],
    [{ must_not: [{ key: 'city', match: { value: 'Bonn' } }] }, true],
  ])('holds %j to be %s', (condition, wanted) => {
    expect(must(condition)).toBe(wanted)
  })

  it('joins its clauses', () => {
    const yes = { key: 'city', match: { value: 'Berlin' } }
    const no = { key: 'city', match: { value: 'Bonn' } }
    expect(passes({ must: yes, must_not: no, should: [no, yes] })).toBe(true)
    expect(passes({ should: [no, no] })).toBe(false)
    expect(passes({ must: [yes], must_not: [yes] })).toBe(false)
    expect(passes({ min_should: { conditions: [yes, no, yes], min_count: 2 } })).toBe(true)
    expect(passes({ min_should: { conditions: [yes, no, no], min_count: 2 } })).toBe(false)
  })

  it('compares words where there is a full-text index', () => {
    const filter = { must: [{ key: 'text', match: { text: 'FOX quick' } }] }
    expect(passes(filter)).toBe(false)
    expect(passes(filter, ['text'])).toBe(true)
    expect(passes({ must: [{ key: 'text', match: { text_any: 'dog fox' } }] }, ['text'])).toBe(true)
  })

  it('tells whole numbers apart that a double does not', () => {
    const stored = parseExact('{"n":18446744073709551615}') as Payload
    const test = (digits: string) =>
      compileFilter(parseExact(`{"must":[{"key":"n","match":{"value":${digits}}}]}`), {
        textFields: new Set(),
      })(1, stored)
    expect(test('18446744073709551615')).toBe(true)
    expect(test('18446744073709551614')).toBe(false)
  })

  it.each([
    [{ must: [{ key: 'a' }] }, 'Expected some form of condition'],
    [{ must: [{ wrong: 1 }] }, 'Expected some form of condition'],
    [{ musst: [] }, 'unknown field `musst`, expected one of `should`, `min_should`, `must`, `must_not`'],
    [{ must: [{ key: 'a', match: { values: 1 } }] }, 'data did not match any variant of untagged enum Match'],
    [{ must: [{ key: 'a..b', match: { value: 1 } }] }, 'Invalid json path'],
    [{ must: [{ key: 'a', geo_radius: {} }] }, 'Not emulated'],
  ])('refuses %j', (filter, reason) => {
    expect(() => passes(filter)).toThrow(reason)
  })
})

describe('a path into a payload', () => {
  it('is read into its steps, or not at all', () => {
    expect(parsePath('a.b[].c[2]')).toEqual(['a', 'b', { index: null }, 'c', { index: 2 }])
    for (const bad of ['', '.a', 'a.', 'a..b', '[0]', 'a.[0]', 'a[b]', 'a"b'])
      expect(parsePath(bad), bad).toBeNull()
  })

  it('does not look into arrays unless it says so', () => {
    expect(valuesAt(payload, parsePath('country.cities.name')!)).toEqual([])
    expect(valuesAt(payload, parsePath('country.cities[].name')!)).toEqual(['Berlin', 'Bonn'])
  })
})
