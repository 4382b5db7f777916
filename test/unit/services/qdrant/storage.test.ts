import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  decodeOperation,
  encodeOperation,
  type ShardOperation,
} from '../../../../src/services/emulators/qdrant/storage/operation.ts'
import {
  payloadText,
  setPayload,
  withoutKeys,
} from '../../../../src/services/emulators/qdrant/storage/payload.ts'
import { RecordLog } from '../../../../src/services/emulators/qdrant/storage/record-log.ts'
import { Shard } from '../../../../src/services/emulators/qdrant/storage/shard.ts'
import { pointIdFromText } from '../../../../src/services/emulators/qdrant/wire/point-id.ts'

let folder: string
let files = 0
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'ragscale-storage-'))))
afterAll(() => rmSync(folder, { recursive: true }))
const newFile = () => join(folder, `${files++}.log`)

const recordsOf = (file: string) => {
  const records: string[] = []
  const log = RecordLog.open(file, (record) => records.push(record.toString('latin1')))
  return { log, records }
}

describe('a log of records', () => {
  it('gives back the whole records of a file cut anywhere, and goes on after them', () => {
    const texts = fc.array(fc.string({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(texts, fc.nat(), (all, at) => {
        const file = newFile()
        const first = recordsOf(file).log
        const ends = all.map((text) => {
          first.append(Buffer.from(text, 'latin1'))
          return first.bytes
        })
        first.close()
        const cut = at % (first.bytes + 1)
        truncateSync(file, cut)
        const kept = ends.filter((end) => end <= cut).length
        const second = recordsOf(file)
        const latin = all.map((text) => Buffer.from(text, 'latin1').toString('latin1'))
        expect(second.records).toEqual(latin.slice(0, kept))
        second.log.append(Buffer.from('more'))
        second.log.close()
        expect(recordsOf(file).records).toEqual([...latin.slice(0, kept), 'more'])
      }),
    )
  })

  it('ends before a record whose bytes have changed', () => {
    const file = newFile()
    const { log } = recordsOf(file)
    for (const text of ['one', 'two', 'three']) log.append(Buffer.from(text))
    log.close()
    const bytes = readFileSync(file)
    bytes[bytes.indexOf('two')]! ^= 1
    writeFileSync(file, bytes)
    expect(recordsOf(file).records).toEqual(['one'])
    expect(statSync(file).size).toBe(8 + 3)
  })

  it('holds nothing but what it was rewritten with', () => {
    const file = newFile()
    const { log } = recordsOf(file)
    log.append(Buffer.from('old'))
    log.rewrite([Buffer.from('new')])
    log.append(Buffer.from('newer'))
    log.close()
    expect(recordsOf(file).records).toEqual(['new', 'newer'])
  })
})

const id = fc
  .oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String), fc.uuid())
  .map((text) => pointIdFromText(text)!)
const vector = fc
  .array(fc.float({ noNaN: true }), { minLength: 3, maxLength: 3 })
  .map((values) => Float32Array.from(values))
const payload = fc.option(
  fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))),
)

describe('an operation on a shard', () => {
  it('is the same after its way over the wire or the disk', () => {
    const points = fc.array(fc.record({ id, vector, payload }), { maxLength: 5 })
    const stored = fc.array(fc.record({ id, vector, payload, version: fc.nat() }), { maxLength: 5 })
    const select = fc.oneof(
      fc.record({ ids: fc.array(id) }),
      fc.constant({ filter: { must: [{ key: 'a', match: { value: 1 } }] }, textFields: ['b'] }),
    )
    const operation: fc.Arbitrary<ShardOperation> = fc.oneof(
      fc.record({ kind: fc.constant('upsert' as const), points, mode: fc.constant('upsert' as const) }),
      fc.record({ kind: fc.constant('restore' as const), points: stored }),
      fc.record({ kind: fc.constant('delete' as const), select }),
      fc.record({ kind: fc.constant('set_payload' as const), select, payload: fc.constant({ a: [1, 'x'] }) }),
      fc.constant({ kind: 'continue' as const, from: 17 }),
    )
    fc.assert(
      fc.property(operation, (before) => {
        expect(decodeOperation(encodeOperation(before))).toEqual(before)
      }),
    )
  })
})

describe('a shard', () => {
  const open = (file: string) => new Shard({ dimensions: 2, distance: 'Dot', file })
  const point = (number: number, text = '') => ({
    id: number,
    vector: Float32Array.of(number, 1),
    payload: { text },
  })
  const contentOf = ({ points }: Shard) =>
    points.sortedIds().map((one) => {
      const { version, payload, vector } = points.at(points.indexOf(one)!)
      return [one, version, payload, [...vector]]
    })

  it('is the same after its process was killed, whatever was done to it', () => {
    type Step = (shard: Shard) => void
    const steps: fc.Arbitrary<Step> = fc.oneof(
      fc.array(fc.nat(20), { minLength: 1 }).map((ids): Step => (shard) => {
        shard.apply({
          kind: 'upsert',
          points: [...new Set(ids)].map((one) => point(one, `v${ids.length}`)),
          mode: 'upsert',
        })
      }),
      fc.array(fc.nat(20)).map((ids): Step => (shard) => {
        shard.apply({ kind: 'delete', select: { ids } })
      }),
      fc.nat(20).map((low): Step => (shard) => {
        const filter = { must: [{ key: 'text', match: { value: `v${low % 5}` } }] }
        shard.apply({ kind: 'set_payload', select: { filter, textFields: [] }, payload: { low } })
      }),
      fc.constant<Step>((shard) => {
        shard.apply({ kind: 'index' })
      }),
    )
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 12 }), (all) => {
        const file = newFile()
        const before = open(file)
        for (const step of all) step(before)
        // Not closed: as a killed process leaves it.
        const after = open(file)
        expect(contentOf(after)).toEqual(contentOf(before))
        expect(after.operationNumber).toBe(before.operationNumber)
      }),
      { numRuns: 60 },
    )
  })

  it('keeps its file no longer than its points deserve, from start to start', () => {
    const file = newFile()
    const shard = open(file)
    for (let round = 0; round < 400; round++) {
      shard.apply({
        kind: 'upsert',
        points: Array.from({ length: 10 }, (_, at) => point(at, 'x'.repeat(100))),
        mode: 'upsert',
      })
    }
    const content = contentOf(shard)
    const grown = statSync(file).size
    const again = open(file)
    expect(statSync(file).size).toBeLessThan(grown / 50)
    expect(contentOf(again)).toEqual(content)
    expect(contentOf(open(file))).toEqual(content)
    expect(again.operationNumber).toBe(400)
  })

  it('is readable up to a half-written last record', () => {
    const file = newFile()
    const shard = open(file)
    shard.apply({ kind: 'upsert', points: [point(1), point(2)], mode: 'upsert' })
    shard.close()
    appendFileSync(file, Buffer.from([200, 0, 0, 0, 1, 2, 3]))
    const after = open(file)
    expect(after.points.sortedIds()).toEqual([1, 2])
    after.apply({ kind: 'upsert', points: [point(3)], mode: 'upsert' })
    expect(open(file).points.sortedIds()).toEqual([1, 2, 3])
  })

  it('numbers its operations, and gives a point the number of its last', () => {
    const shard = open(newFile())
    expect(shard.apply({ kind: 'upsert', points: [point(1), point(2)], mode: 'upsert' })).toBe(1)
    expect(shard.apply({ kind: 'set_payload', select: { ids: [2] }, payload: { a: 1 } })).toBe(2)
    expect(contentOf(shard).map(([one, version]) => [one, version])).toEqual([
      [1, 1],
      [2, 2],
    ])
  })

  it('inserts only, or updates only, when told so', () => {
    const shard = open(newFile())
    shard.apply({ kind: 'upsert', points: [point(1, 'old')], mode: 'upsert' })
    shard.apply({ kind: 'upsert', points: [point(1, 'new'), point(2, 'new')], mode: 'insert_only' })
    expect(contentOf(shard).map(([one, , kept]) => [one, kept])).toEqual([
      [1, { text: 'old' }],
      [2, { text: 'new' }],
    ])
    shard.apply({ kind: 'upsert', points: [point(2, 'newer'), point(3, 'newer')], mode: 'update_only' })
    expect(contentOf(shard).map(([one, , kept]) => [one, kept])).toEqual([
      [1, { text: 'old' }],
      [2, { text: 'newer' }],
    ])
  })

  it('changes nothing when it refuses', () => {
    const shard = open(newFile())
    shard.apply({ kind: 'upsert', points: [point(1)], mode: 'upsert' })
    const before = contentOf(shard)
    expect(() => shard.apply({ kind: 'set_payload', select: { ids: [1, 9] }, payload: { a: 1 } })).toThrow(
      'Not found: No point with id 9 found',
    )
    expect(contentOf(shard)).toEqual(before)
    expect(shard.operationNumber).toBe(1)
  })
})

describe('a payload', () => {
  it('is set at a path and loses keys at a path without touching the old one', () => {
    const old = { a: { b: 1, c: [{ d: 1, e: 2 }, { d: 3 }] } }
    expect(setPayload(old, { x: 1 }, 'a')).toEqual({ a: { ...old.a, x: 1 } })
    expect(setPayload(old, { e: 9 }, 'a.c[]')).toEqual({
      a: {
        b: 1,
        c: [
          { d: 1, e: 9 },
          { d: 3, e: 9 },
        ],
      },
    })
    expect(setPayload(null, { x: 1 }, undefined)).toEqual({ x: 1 })
    expect(withoutKeys(old, ['a.b', 'a.c[0].d'])).toEqual({ a: { c: [{ e: 2 }, { d: 3 }] } })
    expect(old).toEqual({ a: { b: 1, c: [{ d: 1, e: 2 }, { d: 3 }] } })
  })

  it('is shown in the part that is asked for', () => {
    const whole = { a: { b: 1, c: 2 }, d: 3 }
    const shown = (selector: Parameters<typeof payloadText>[1]) =>
      JSON.parse(payloadText(whole, selector)!) as unknown
    expect(payloadText(whole, false)).toBeNull()
    expect(payloadText(null, true)).toBe('{}')
    expect(shown(true)).toEqual(whole)
    expect(shown({ include: ['a.b', 'a.c', 'x'] })).toEqual({ a: { b: 1, c: 2 } })
    expect(shown({ exclude: ['a.b', 'd'] })).toEqual({ a: { c: 2 } })
  })
})
