import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fewestNodes, layoutOf } from '../../../src/capacity/vector.ts'
import { memoryPerNodeBytes, quickMemoryBytes } from '../../../src/catalog/qdrant/memory.ts'
import type { Collection } from '../../../src/stack/stack.ts'

const collection: Collection = {
  name: 'docs',
  dimensions: 768,
  distance: 'Cosine',
  points: 1_000_000,
  shards: 6,
  replication: 1,
  writeConsistency: 1,
  quantization: 'none',
}

describe('memory of a collection', () => {
  test('by the rule of thumb, a million points of 1,024 dimensions need 6,144,000,000 bytes', () => {
    expect(quickMemoryBytes(1_000_000, 1024)).toBe(6_144_000_000)
  })

  test('by its parts, it is vectors, graph and ids with a fifth on top', () => {
    const one = memoryPerNodeBytes({ ...collection, shards: 1 }, 1, 1)
    expect(one).toBe(Math.ceil(1_000_000 * (768 * 4 + 2 * 16 * 4 * 1.2 + 31) * 1.2))
  })

  test('a quantised copy comes on top', () => {
    const plain = memoryPerNodeBytes(collection, 3, 1)
    const scalar = memoryPerNodeBytes({ ...collection, quantization: 'scalar' }, 3, 1)
    expect(scalar - plain).toBeCloseTo(((1_000_000 * 768 * 4) / 4 / 3) * 1.2, -2)
  })

  test('the node with most shards decides', () => {
    expect(memoryPerNodeBytes(collection, 4, 1)).toBe(memoryPerNodeBytes(collection, 3, 1))
  })
})

describe('where shards go', () => {
  test('every node searches, with the same share, and no copy is without a node', () => {
    const cases = fc.record({
      shards: fc.integer({ min: 1, max: 24 }),
      replication: fc.integer({ min: 1, max: 3 }),
      nodes: fc.integer({ min: 1, max: 30 }),
      spare: fc.integer({ min: 0, max: 2 }),
    })
    fc.assert(
      fc.property(cases, ({ shards, replication, nodes, spare }) => {
        const layout = layoutOf({ ...collection, shards, replication }, nodes, spare)
        expect(layout.shards).toBe(shards)
        expect(layout.replication).toBeLessThanOrEqual(nodes)
        expect((shards * layout.replication) % nodes).toBe(0)
        expect(layout.replication).toBeGreaterThanOrEqual(Math.min(nodes, replication))
      }),
    )
  })

  test('a node may be lost only of three or more, with a second copy of each shard', () => {
    expect(fewestNodes(collection, 1)).toBe(3)
    expect(layoutOf(collection, 3, 1)).toEqual({ nodes: 3, shards: 6, replication: 2 })
    expect(fewestNodes(collection, 0)).toBe(1)
  })
})
