import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseLossless } from '../../../../src/targets/qdrant/call.ts'
import { type Move, type ShardCopy, place, whenArrived } from '../../../../src/targets/qdrant/placement.ts'

const names = (count: number) => Array.from({ length: count }, (_, index) => `vector-${index + 1}`)

/** As Qdrant places a new collection: round and round the nodes. */
function placed(nodes: number, shards: number, replication: number): ShardCopy[] {
  return Array.from({ length: shards }, (_, shard) =>
    Array.from({ length: replication }, (_, copy) => ({
      collection: 'docs',
      shard,
      node: `vector-${((shard + copy) % nodes) + 1}`,
      active: true,
    })),
  ).flat()
}

function carriedOut(copies: readonly ShardCopy[], moves: readonly Move[]): Map<number, Set<string>> {
  const held = new Map<number, Set<string>>()
  for (const { shard, node } of copies) held.set(shard, (held.get(shard) ?? new Set()).add(node))
  for (const { kind, shard, from, to } of moves) {
    const nodes = held.get(shard)!
    // A copy is made from one that is there, onto a node that has none.
    expect(nodes).toContain(from)
    if (to !== null) expect(nodes).not.toContain(to)
    if (kind !== 'replicate') nodes.delete(from)
    if (to !== null) nodes.add(to)
    expect(nodes.size).toBeGreaterThan(0)
  }
  return held
}

const told = (moves: readonly Move[]) =>
  moves.map(({ kind, shard, from, to }) => `${kind} ${shard} ${from} ${to}`)

describe('placing shards', () => {
  it('moves nothing when everything is where it should be', () => {
    expect(place(placed(3, 6, 2), { nodes: names(3), replication: { docs: 2 } })).toEqual({
      moves: [],
      losses: [],
    })
  })

  it('gives a new node its share', () => {
    const { moves } = place(placed(3, 6, 2), { nodes: names(4), replication: { docs: 2 } })
    expect(moves.map(({ kind, to }) => `${kind} ${to}`)).toEqual(Array(3).fill('move vector-4'))
    expect(moves[0]!.because).toBe('vector-1 holds 4 shards, vector-4 0')
  })

  it('empties a node that leaves', () => {
    const { moves } = place(placed(3, 3, 1), { nodes: names(2), replication: { docs: 1 } })
    expect(told(moves)).toEqual(['move 2 vector-3 vector-1'])
    expect(moves[0]!.because).toBe('vector-3 leaves')
  })

  it('drops the copies of a node that leaves when the others hold as many as they can', () => {
    const { moves } = place(placed(2, 2, 2), { nodes: names(1), replication: { docs: 2 } })
    expect(told(moves)).toEqual(['drop 0 vector-2 null', 'drop 1 vector-2 null'])
  })

  it('makes the copies that are asked for, and drops those that are not', () => {
    const more = place(placed(3, 3, 1), { nodes: names(3), replication: { docs: 2 } })
    expect(more.moves.map(({ kind }) => kind)).toEqual(['replicate', 'replicate', 'replicate'])
    expect(more.moves[0]!.because).toBe('replication 2 is asked for')
    const fewer = place(placed(3, 3, 2), { nodes: names(3), replication: { docs: 1 } })
    expect(fewer.moves.map(({ kind }) => kind)).toEqual(['drop', 'drop', 'drop'])
  })

  it('copies a shard from a good copy when the one that leaves is not', () => {
    const copies = placed(3, 1, 2).map((copy) => ({ ...copy, active: copy.node === 'vector-2' }))
    const { moves } = place(copies, { nodes: ['vector-2', 'vector-3'], replication: { docs: 2 } })
    expect(told(moves)).toEqual(['replicate 0 vector-2 vector-3', 'drop 0 vector-1 null'])
  })

  it('lets the only good copy go to another node before the one that is not whole, or not at all', () => {
    const copies = placed(3, 1, 2).map((copy) => ({ ...copy, active: copy.node === 'vector-1' }))
    const goal = { nodes: ['vector-2', 'vector-3'], replication: { docs: 1 } }
    const { moves, losses } = place(copies, goal)
    expect({ moves: told(moves), losses }).toEqual({
      moves: ['move 0 vector-1 vector-3', 'drop 0 vector-2 null'],
      losses: [],
    })
    expect(place(copies, { ...goal, nodes: ['vector-2'] })).toEqual({
      moves: [],
      losses: ['shard 0 of docs'],
    })
  })

  it('goes by where copies that are on their way will be, and drops none of them', () => {
    const copies = placed(2, 2, 1)
    const half = [...copies, { collection: 'docs', shard: 0, node: 'vector-3', active: false }]
    const arrival = { collection: 'docs', shard: 0, from: 'vector-1', to: 'vector-3' }
    const goal = { nodes: names(3), replication: { docs: 1 } }
    expect(told(place(half, goal).moves)).toEqual(['drop 0 vector-3 null'])
    expect(told(place(whenArrived(half, [{ ...arrival, stays: false }]), goal).moves)).toEqual([])
    const both = { nodes: names(3), replication: { docs: 2 } }
    expect(told(place(whenArrived(half, [{ ...arrival, stays: true }]), both).moves)).toEqual([
      'replicate 1 vector-2 vector-3',
    ])
  })

  it('says which shards would be lost with the only good copy', () => {
    const copies = placed(2, 2, 1).map((copy) => ({ ...copy, active: copy.node !== 'vector-2' }))
    expect(place(copies, { nodes: ['vector-1'], replication: {} }).losses).toEqual(['shard 1 of docs'])
  })

  it('always leaves every shard with its copies, on nodes that stay, evenly', () => {
    const count = fc.integer({ min: 1, max: 6 })
    fc.assert(
      fc.property(
        count,
        count,
        fc.integer({ min: 1, max: 12 }),
        count,
        count,
        (before, after, shards, had, asked) => {
          const copies = placed(before, shards, Math.min(had, before))
          const nodes = names(after)
          const { moves, losses } = place(copies, { nodes, replication: { docs: asked } })
          expect(losses).toEqual([])
          const held = carriedOut(copies, moves)
          for (const holders of held.values()) {
            expect(holders.size).toBe(Math.min(asked, after))
            for (const node of holders) expect(nodes).toContain(node)
          }
          const loads = nodes.map((node) => [...held.values()].filter((holders) => holders.has(node)).length)
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
        },
      ),
    )
  })
})

describe('the ids of peers', () => {
  it('stay what they are beyond what a number holds', () => {
    expect(parseLossless('{"peer_id":9223372036854775807,"shard_id":7,"time":0.00002}')).toEqual({
      peer_id: '9223372036854775807',
      shard_id: 7,
      time: 0.00002,
    })
  })
})
