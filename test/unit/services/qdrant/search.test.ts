import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  largestShard,
  modelledSearchMs,
  realSearchMs,
} from '../../../../src/services/emulators/qdrant/search/capacity.ts'
import { distances, metrics, prepared } from '../../../../src/services/emulators/qdrant/search/distance.ts'
import { isIndexed, isMissed, missChance } from '../../../../src/services/emulators/qdrant/search/recall.ts'
import { topK } from '../../../../src/services/emulators/qdrant/search/top-k.ts'
import { VectorStore } from '../../../../src/services/emulators/qdrant/storage/vectors.ts'

const coordinate = fc.float({ min: -8, max: 8, noNaN: true })
const vectorsOf = (dimensions: number) =>
  fc.array(fc.array(coordinate, { minLength: dimensions, maxLength: dimensions }), {
    minLength: 2,
    maxLength: 150,
  })

const naive = {
  dot: (a: number[], b: number[]) => a.reduce((sum, value, at) => sum + value * b[at]!, 0),
  squared: (a: number[], b: number[]) => a.reduce((sum, value, at) => sum + (value - b[at]!) ** 2, 0),
  absolute: (a: number[], b: number[]) => a.reduce((sum, value, at) => sum + Math.abs(value - b[at]!), 0),
}

describe('the vectors of a shard', () => {
  it('are compared as each distance is defined, in any dimension', () => {
    const stored = fc.integer({ min: 1, max: 40 }).chain(vectorsOf)
    fc.assert(
      fc.property(stored, fc.constantFrom(...distances), ([query, ...vectors], distance) => {
        const store = new VectorStore(query!.length, distance)
        for (const vector of vectors) store.push(Float32Array.from(vector))
        const sums = [...store.scores(Float32Array.from(query!))]
        const wanted = vectors.map((vector) => naive[metrics[distance].kernel](query!, vector))
        expect(sums).toHaveLength(vectors.length)
        for (const [at, sum] of sums.entries()) expect(Math.abs(sum - wanted[at]!)).toBeLessThan(1e-3)
      }),
      { numRuns: 60 },
    )
  })

  it('stay what they are while others come, change and go', () => {
    const store = new VectorStore(5, 'Dot')
    const of = (seed: number) => Float32Array.from({ length: 5 }, (_, at) => seed + at)
    for (let seed = 0; seed < 200; seed++) store.push(of(seed))
    store.remove(3)
    store.set(7, of(1000))
    expect([...store.get(3)]).toEqual([...of(199)])
    expect([...store.get(7)]).toEqual([...of(1000)])
    expect([...store.get(150)]).toEqual([...of(150)])
    expect(store.count).toBe(199)
  })

  it('have length one for Cosine, and keep their bits when they have it already', () => {
    fc.assert(
      fc.property(fc.array(coordinate, { minLength: 4, maxLength: 4 }), (values) => {
        const once = prepared(Float32Array.from(values), 'Cosine')
        const length = Math.hypot(...once)
        expect(length < 1e-10 || Math.abs(length - 1) < 1e-5).toBe(true)
        expect(prepared(once, 'Cosine')).toEqual(once)
      }),
    )
  })
})

describe('the nearest of many', () => {
  it('are those that sorting would put first', () => {
    fc.assert(
      fc.property(fc.array(coordinate), fc.nat(20), fc.boolean(), (values, limit, largerIsNearer) => {
        const scores = Float32Array.from(values)
        const sign = largerIsNearer ? -1 : 1
        const sorted = [...scores.keys()].toSorted((a, b) => sign * (scores[a]! - scores[b]!) || a - b)
        expect(topK(scores, { largerIsNearer, count: scores.length, limit })).toEqual(sorted.slice(0, limit))
        const even = (index: number) => index % 2 === 0
        expect(topK(scores, { largerIsNearer, count: scores.length, limit, accept: even })).toEqual(
          sorted.filter(even).slice(0, limit),
        )
      }),
    )
  })
})

describe('what an approximate search misses', () => {
  const shape = {
    points: 20_000,
    dimensions: 384,
    m: 16,
    indexingThreshold: 10_000,
    fullScanThreshold: 10_000,
  }

  it('is what was measured on the real server, at the size and the depth that were measured', () => {
    expect(1 - missChance(shape, 100)).toBeCloseTo(0.987, 6)
    // Six shards of 3,333 points are scanned: all was found.
    expect(missChance({ ...shape, points: 3333 }, 100)).toBe(0)
  })

  it('is less the deeper it goes, more the more points there are, and nothing where there is no index', () => {
    expect(missChance(shape, 200)).toBeLessThan(missChance(shape, 100))
    expect(missChance({ ...shape, points: 200_000 }, 100)).toBeGreaterThan(missChance(shape, 100))
    expect(missChance({ ...shape, m: 32 }, 100)).toBeLessThan(missChance(shape, 100))
    expect(missChance({ ...shape, m: 0 }, 100)).toBe(0)
    expect(missChance({ ...shape, indexingThreshold: 0 }, 1)).toBe(0)
    expect(isIndexed({ ...shape, points: 100 })).toBe(false)
  })

  it('is found again at every larger depth, and is the chance that was given', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (point, query, chance) => {
        if (isMissed(chance / 2, point, query, 1)) expect(isMissed(chance, point, query, 1)).toBe(true)
      }),
    )
    let missed = 0
    for (let point = 0; point < 20_000; point++) if (isMissed(0.1, point, 99, 5)) missed++
    expect(missed / 20_000).toBeGreaterThan(0.09)
    expect(missed / 20_000).toBeLessThan(0.11)
  })
})

describe('the largest shard that can be searched within its modelled time', () => {
  it('is without bound when modelled time outgrows the work', () => {
    const emulation = {
      model: 'search',
      servers: 2,
      baseMs: 1,
      msPerMillionPoints: 1000,
      fanoutMs: 0,
      cv: 0,
    } as const
    expect(largestShard(emulation, 384)).toBe(Infinity)
  })

  it('is where the work catches up with the model', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 50, noNaN: true }),
        fc.integer({ min: 8, max: 2048 }),
        (meanMs, dimensions) => {
          const emulation = {
            model: 'fifo',
            servers: 1,
            queueLimit: null,
            law: { kind: 'fixed', meanMs },
          } as const
          const limit = largestShard(emulation, dimensions)
          expect(realSearchMs(limit, dimensions)).toBeLessThanOrEqual(
            modelledSearchMs(emulation, limit) + 0.251,
          )
          expect(realSearchMs(limit + 1, dimensions)).toBeGreaterThan(
            modelledSearchMs(emulation, limit + 1) + 0.249,
          )
        },
      ),
    )
  })
})
