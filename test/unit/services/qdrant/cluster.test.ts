import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyProposal } from '../../../../src/services/emulators/qdrant/cluster/apply.ts'
import type { Change } from '../../../../src/services/emulators/qdrant/cluster/change.ts'
import {
  newCollectionConfig,
  updatedConfig,
} from '../../../../src/services/emulators/qdrant/cluster/collection-config.ts'
import { newPeerId } from '../../../../src/services/emulators/qdrant/cluster/peer.ts'
import { placeShards } from '../../../../src/services/emulators/qdrant/cluster/placement.ts'
import {
  emptyState,
  resolveCollection,
  type ClusterState,
  type CollectionState,
} from '../../../../src/services/emulators/qdrant/cluster/state.ts'
import { decodeAnswer, encodeAnswer } from '../../../../src/services/emulators/qdrant/points/answer.ts'
import { agreedHits } from '../../../../src/services/emulators/qdrant/points/merge.ts'
import { HashRing } from '../../../../src/services/emulators/qdrant/points/ring.ts'

const peers = ['7200414480689726', '314370534345122', '2234902672919936']

function stateWith(replicas: CollectionState['shards'][number]['replicas'][] = []): ClusterState {
  const state = emptyState()
  for (const peer of peers) change(state, { kind: 'add_peer', peer, uri: `http://${peer}/`, voter: true })
  const collection: CollectionState = {
    name: 'docs',
    uuid: 'u',
    config: newCollectionConfig({ vectors: { size: 4, distance: 'Dot' } }, 3),
    shards: Object.fromEntries(replicas.map((one, shard) => [shard, { key: null, replicas: one }])),
    payloadIndexes: {},
    transfers: [],
  }
  change(state, { kind: 'create_collection', collection })
  return state
}

let proposals = 0
function change(state: ClusterState, what: Change): string | null {
  return applyProposal(state, { id: String(proposals++), change: what })?.message ?? null
}

describe('the state that a cluster agrees on', () => {
  const [a, b, c] = peers as [string, string, string]

  it('counts a proposal once, however often it comes', () => {
    const state = stateWith()
    const proposal = { id: 'same', change: { kind: 'delete_collection', collection: 'docs' } as const }
    expect(applyProposal(state, proposal)).toBeNull()
    expect(applyProposal(state, proposal)).toBeNull()
    expect(change(state, proposal.change)).toBe("Not found: Collection `docs` doesn't exist!")
  })

  it('changes aliases all at once or not at all', () => {
    const state = stateWith()
    const create = { create_alias: { collection_name: 'docs', alias_name: 'live' } }
    expect(change(state, { kind: 'change_aliases', actions: [create] })).toBeNull()
    const broken = [
      { delete_alias: { alias_name: 'live' } },
      { create_alias: { collection_name: 'nope', alias_name: 'x' } },
    ]
    expect(change(state, { kind: 'change_aliases', actions: broken })).toBe(
      "Not found: Collection `nope` doesn't exist!",
    )
    expect(state.aliases).toEqual({ live: 'docs' })
    expect(resolveCollection(state, 'live')?.name).toBe('docs')
    expect(resolveCollection(state, 'toString')).toBeUndefined()
    expect(
      change(state, {
        kind: 'change_aliases',
        actions: [{ rename_alias: { old_alias_name: 'live', new_alias_name: 'now' } }],
      }),
    ).toBeNull()
    change(state, { kind: 'delete_collection', collection: 'docs' })
    expect(state.aliases).toEqual({})
  })

  it('never gives up the last active replica of a shard', () => {
    const state = stateWith([{ [a]: 'Active', [b]: 'Active' }])
    const dead = (peer: string): Change => ({
      kind: 'set_replicas',
      collection: 'docs',
      replicas: [{ shard: 0, peer, from: 'Active', to: 'Dead' }],
    })
    change(state, dead(a))
    change(state, dead(b))
    expect(state.collections['docs']!.shards[0]!.replicas).toEqual({ [a]: 'Dead', [b]: 'Active' })
    expect(change(state, { kind: 'drop_replica', collection: 'docs', shard: 0, peer: b })).toBe(
      `Bad request: Shard 0 must have at least one active replica after removing ${b}`,
    )
    expect(change(state, { kind: 'drop_replica', collection: 'docs', shard: 0, peer: c })).toBe(
      `Bad request: Peer ${c} has no replica of shard 0`,
    )
  })

  it('moves a shard: the target is not active before the end, the source is gone after it', () => {
    const state = stateWith([{ [a]: 'Active' }])
    const transfer = { shard: 0, from: a, to: b }
    const start: Change = {
      kind: 'start_transfer',
      collection: 'docs',
      transfer: { ...transfer, sync: false, method: 'stream_records' },
    }
    expect(change(state, start)).toBeNull()
    const { replicas } = state.collections['docs']!.shards[0]!
    expect(replicas).toEqual({ [a]: 'Active', [b]: 'Partial' })
    expect(change(state, start)).toBe(`Bad request: Shard 0 is already involved in transfer ${a} -> ${b}`)
    change(state, { kind: 'finish_transfer', collection: 'docs', transfer })
    expect(replicas).toEqual({ [b]: 'Active' })
    expect(change(state, { kind: 'finish_transfer', collection: 'docs', transfer })).toContain(
      'does not exist',
    )
  })

  it('takes back a transfer that is given up, to what was there before', () => {
    const state = stateWith([{ [a]: 'Active', [b]: 'Active' }])
    const { replicas } = state.collections['docs']!.shards[0]!
    for (const [to, after] of [
      [c, { [a]: 'Active', [b]: 'Active' }],
      [b, { [a]: 'Active', [b]: 'Dead' }],
    ] as const) {
      const transfer = { shard: 0, from: a, to }
      change(state, {
        kind: 'start_transfer',
        collection: 'docs',
        transfer: { ...transfer, sync: true, method: 'snapshot' },
      })
      expect(replicas[to]).toBe('Recovery')
      change(state, { kind: 'abort_transfer', collection: 'docs', transfer })
      expect(replicas).toEqual(after)
    }
  })

  it('demands of a transfer what Qdrant demands', () => {
    const state = stateWith([{ [a]: 'Active', [b]: 'Dead' }])
    const start = (shard: number, from: string, to: string) =>
      change(state, {
        kind: 'start_transfer',
        collection: 'docs',
        transfer: { shard, from, to, sync: true, method: 'snapshot' },
      })
    expect(start(9, a, b)).toBe('Bad request: Shard 9 does not exist')
    expect(start(0, '1', b)).toBe('Bad request: Peer 1 does not exist')
    expect(start(0, b, c)).toBe(`Bad request: Shard 0 is not active on peer ${b}`)
  })

  it('lets a peer go with its replicas only when forced', () => {
    const state = stateWith([{ [a]: 'Active', [b]: 'Active' }])
    expect(change(state, { kind: 'remove_peer', peer: b, force: false })).toBe(
      `Bad request: Cannot remove peer ${b} as there are shards on it`,
    )
    expect(change(state, { kind: 'remove_peer', peer: b, force: true })).toBeNull()
    expect(state.collections['docs']!.shards[0]!.replicas).toEqual({ [a]: 'Active' })
    expect(Object.keys(state.peers)).toEqual([a, c])
    // A peer that comes later does not take the place of one that went.
    change(state, { kind: 'add_peer', peer: '99', uri: 'http://99/', voter: true })
    expect(state.peers['99']!.ordinal).toBe(3)
  })

  it('gives each shard key shards of its own', () => {
    const state = stateWith()
    const create = (key: string): Change => ({
      kind: 'create_shard_key',
      collection: 'docs',
      key,
      placement: [[a], [b]],
    })
    expect(change(state, create('eu'))).toBeNull()
    expect(change(state, create('us'))).toBeNull()
    expect(Object.values(state.collections['docs']!.shards).map(({ key }) => key)).toEqual([
      'eu',
      'eu',
      'us',
      'us',
    ])
    expect(change(state, create('eu'))).toBe('Bad request: Shard key "eu" already exists')
    change(state, { kind: 'delete_shard_key', collection: 'docs', key: 'eu' })
    expect(Object.keys(state.collections['docs']!.shards)).toEqual(['2', '3'])
  })
})

describe('the placement of shards', () => {
  it('puts replicas on distinct peers, as evenly as can be', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 1, max: 6 }),
        (count, shards, replication) => {
          const all = Array.from({ length: count }, (_, at) => String(at))
          const placed = placeShards(emptyState(), all, shards, replication)
          expect(placed).toHaveLength(shards)
          for (const one of placed) {
            expect(one).toHaveLength(Math.min(replication, count))
            expect(new Set(one).size).toBe(one.length)
          }
          const loads = all.map((peer) => placed.filter((one) => one.includes(peer)).length)
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
        },
      ),
    )
  })

  it('prefers peers with the fewest replicas of other collections', () => {
    const state = stateWith([{ [peers[0]!]: 'Active' }, { [peers[1]!]: 'Active' }])
    expect(placeShards(state, peers, 1, 1)).toEqual([[peers[2]]])
  })
})

describe('the ring of shards', () => {
  it('spreads points over shards, none with half more than its share', () => {
    const ring = new HashRing([0, 1, 2, 3, 4, 5])
    const counts = [0, 0, 0, 0, 0, 0]
    for (let id = 0; id < 60_000; id++) counts[ring.shardOf(id)]!++
    for (const count of counts) {
      expect(count).toBeGreaterThan(7000)
      expect(count).toBeLessThan(13_000)
    }
  })

  it('knows the shard of an id for ever', () => {
    expect(
      [0, 1, 2, 3, 1000, '5c56c793-69f3-4fbf-87e6-c4bf54c28c26'].map((id) =>
        new HashRing([0, 1, 2, 3]).shardOf(id),
      ),
    ).toMatchInlineSnapshot(`
      [
        1,
        0,
        1,
        3,
        0,
        0,
      ]
    `)
  })
})

describe('what nodes answer each other', () => {
  it('arrives as it left', () => {
    const text = fc.option(fc.json().map((json) => JSON.stringify(JSON.parse(json))))
    const hit = fc.record({
      id: fc.oneof(fc.nat(), fc.uuid()),
      version: fc.nat(),
      score: fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      payload: text,
      vector: text,
    })
    fc.assert(
      fc.property(fc.array(fc.array(hit)), fc.nat(), (hits, count) => {
        expect(decodeAnswer(encodeAnswer({ hits, count, infos: [] }))).toEqual({ hits, count, infos: [] })
      }),
    )
  })

  it('counts as agreed when enough replicas hold it in the same version', () => {
    const hit = (id: number, version: number) => ({ id, version, score: 1, payload: null, vector: null })
    const lists = [[hit(1, 1), hit(2, 1)], [hit(1, 1), hit(2, 2)], [hit(1, 1)]]
    expect(agreedHits(lists, 2).map(({ id }) => id)).toEqual([1])
    expect(agreedHits(lists, 1).map(({ id, version }) => [id, version])).toEqual([
      [1, 1],
      [2, 1],
      [2, 2],
    ])
  })
})

describe('the configuration of a collection', () => {
  const vectors = { size: 8, distance: 'Cosine' }

  it('says everything that is out of bounds at once', () => {
    expect(() =>
      newCollectionConfig(
        {
          vectors: { size: 0, distance: 'Dot' },
          shard_number: 0,
          hnsw_config: { ef_construct: 1 },
          optimizers_config: { deleted_threshold: 2 },
        },
        1,
      ),
    ).toThrow(
      'Validation error in JSON body: [vectors.size: value 0 invalid, must be from 1 to 65536; shard_number: value 0 invalid, must be 1 or larger; hnsw_config.ef_construct: value 1 invalid, must be 4 or larger; optimizers_config.deleted_threshold: value 2.0 invalid, must be from 0.0 to 1.0]',
    )
  })

  it('is refused in the words of serde when it cannot be read', () => {
    const refused = (body: unknown) => expect(() => newCollectionConfig(body, 1))
    refused({ vectors: { size: 8 } }).toThrow('missing field `distance`')
    refused({ vectors: { size: 8, distance: 'cosine' } }).toThrow(
      'unknown variant `cosine`, expected one of `Cosine`, `Euclid`, `Dot`, `Manhattan`',
    )
    refused({ vectors: { size: '8', distance: 'Dot' } }).toThrow('invalid type: string "8", expected usize')
    refused({ vectors: { a: vectors } }).toThrow('Not emulated')
  })

  it('keeps what an update does not name', () => {
    const before = newCollectionConfig({ vectors, quantization_config: { binary: { always_ram: true } } }, 3)
    const after = updatedConfig(before, { params: { replication_factor: 2 }, hnsw_config: { m: 32 } })
    expect(after.params).toEqual({ ...before.params, replication_factor: 2 })
    expect(after.hnsw_config).toEqual({ ...before.hnsw_config, m: 32 })
    expect(after.quantization_config).toEqual({ binary: { always_ram: true } })
    expect(updatedConfig(before, { quantization_config: 'Disabled' }).quantization_config).toBeNull()
  })
})

describe('a peer id', () => {
  it('is never taken for a small number, and fits what Qdrant prints', () => {
    for (const random of [() => 0, () => 0.999_999_999, Math.random]) {
      const id = BigInt(newPeerId(random))
      expect(id).toBeGreaterThanOrEqual(2n ** 32n)
      expect(id).toBeLessThan(2n ** 53n)
    }
  })
})
