import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../../../src/services/emulators/cores/random.ts'
import { SearchCore } from '../../../../../src/services/emulators/cores/search.ts'

const emulation = {
  model: 'search',
  servers: 2,
  baseMs: 1,
  msPerMillionPoints: 10,
  fanoutMs: 0.5,
  cv: 0,
} as const
const coreOf = (over = {}) => new SearchCore({ ...emulation, ...over }, seededRandom(1))

describe('a searching core', () => {
  it('gives each shard a thread and is done with the slowest, and the merging', () => {
    const core = coreOf()
    core.submit({ id: 1, points: [1e6, 2e6, 1e6] }, 0)
    // Threads: 0–11 and 11–22 beside 0–21; two further shards to merge.
    expect(core.advance(Infinity)).toMatchObject([{ id: 1, startMs: 0, atMs: 23 }])
    expect(core.busyMs).toBe(43)
  })

  it('serves shards first come, first served', () => {
    const core = coreOf({ servers: 1 })
    core.submit({ id: 1, points: [1e6] }, 0)
    core.submit({ id: 2, points: [1e6] }, 1)
    expect(core.waiting).toBe(1)
    expect(core.advance(Infinity).map(({ id, atMs }) => [id, atMs])).toEqual([
      [1, 11],
      [2, 22],
    ])
  })

  it('only merges when other nodes search', () => {
    const core = coreOf()
    core.submit({ id: 1, points: [], furtherShards: 4 }, 10)
    expect(core.advance(Infinity)).toMatchObject([{ startMs: 10, atMs: 12 }])
    expect(core.busyMs).toBe(0)
  })

  it('multiplies by the work of a request', () => {
    const core = coreOf()
    core.submit({ id: 1, points: [1e6], work: 3 }, 0)
    expect(core.nextEventMs()).toBeCloseTo(33)
  })
})
