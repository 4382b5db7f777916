import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { VectorGoal, VectorStep } from '../../../../src/targets/qdrant/plan.ts'
import { planVector } from '../../../../src/targets/qdrant/plan.ts'
import type { ClusterView, CollectionView } from '../../../../src/targets/qdrant/view.ts'

/** Beyond 2^53, as Qdrant draws them. */
const idOf = (node: number) => `922337203685477${5800 + node}`

function collectionOf(nodes: number, shards: number, replication: number, name = 'docs'): CollectionView {
  const copies = Array.from({ length: shards }, (_, shard) =>
    Array.from({ length: Math.min(replication, nodes) }, (_, copy) => ({
      shard,
      peer: idOf(((shard + copy) % nodes) + 1),
      state: 'Active',
      points: 10,
    })),
  ).flat()
  return { name, aliases: [], shards, replication, shardKeys: false, copies, transfers: [] }
}

function viewOf(nodes: number, collections: readonly CollectionView[]): ClusterView {
  return {
    raft: { term: 1, commit: 1, pending: 0, leader: idOf(1) },
    peers: Array.from({ length: nodes }, (_, index) => ({
      id: idOf(index + 1),
      name: `vector-${index + 1}`,
      uri: `http://vector-${index + 1}:6335/`,
      up: true,
      memoryBytes: null,
    })),
    collections,
  }
}

function goalOf(shards: number, replication: number, more: Partial<VectorGoal> = {}): VectorGoal {
  return {
    collection: {
      name: 'docs',
      dimensions: 4,
      distance: 'Cosine',
      points: 1000,
      shards,
      replication,
      writeConsistency: 1,
      quantization: 'none',
    },
    nodes: null,
    name: 'docs',
    drain: [],
    shards: null,
    dropOld: false,
    ...more,
  }
}

/** What is there after a step; fails where a shard would be left without an active copy on the way. */
function after(view: ClusterView, step: VectorStep): ClusterView {
  const inCollection = (name: string, change: (one: CollectionView) => CollectionView): ClusterView => ({
    ...view,
    collections: view.collections.map((one) => (one.name === name ? change(one) : one)),
  })
  switch (step.kind) {
    case 'transfer': {
      const { kind, collection, shard, from, to } = step.move
      return inCollection(collection, (one) => {
        const others = one.copies.filter((copy) => copy.shard !== shard)
        const its = one.copies.filter((copy) => copy.shard === shard)
        if (kind !== 'drop')
          expect(its).toContainEqual(expect.objectContaining({ peer: from, state: 'Active' }))
        if (to !== null) expect(its.map(({ peer }) => peer)).not.toContain(to)
        const kept = kind === 'replicate' ? its : its.filter(({ peer }) => peer !== from)
        const now = to === null ? kept : [...kept, { shard, peer: to, state: 'Active', points: 10 }]
        expect(now.some(({ state }) => state === 'Active')).toBe(true)
        return { ...one, copies: [...others, ...now] }
      })
    }
    case 'set-replication':
      return inCollection(step.collection, (one) => ({ ...one, replication: step.replication }))
    case 'remove-peer':
      expect(view.collections.flatMap(({ copies }) => copies).map(({ peer }) => peer)).not.toContain(
        step.peer,
      )
      return { ...view, peers: view.peers.filter(({ id }) => id !== step.peer) }
    case 'create':
    case 'create-like': {
      const name = step.kind === 'create' ? step.collection.name : step.to
      if (view.collections.some((one) => one.name === name)) return view
      const { shards, replication } =
        step.kind === 'create' ? step.collection : { shards: step.shards, replication: 1 }
      return {
        ...view,
        collections: [...view.collections, collectionOf(view.peers.length, shards, replication, name)],
      }
    }
    case 'drop-collection':
      return { ...view, collections: view.collections.filter(({ name }) => name !== step.collection) }
    case 'change-aliases':
      return step.actions.reduce(withAlias, view)
    case 'copy':
    case 'settle':
    case 'verify':
    case 'wait':
      return view
    case 'recover':
      return inCollection(step.collection, (one) => ({
        ...one,
        copies: one.copies.map((copy) => ({ ...copy, state: 'Active' })),
      }))
    case 'abort-transfer':
      return inCollection(step.collection, (one) => ({ ...one, transfers: [] }))
  }
}

type Actions = Extract<VectorStep, { kind: 'change-aliases' }>['actions']

function withAlias(view: ClusterView, action: Actions[number]): ClusterView {
  const give = (alias: string, from: string | null, to: string | null): ClusterView => ({
    ...view,
    collections: view.collections.map((one) => {
      const kept = one.aliases.filter((had) => had !== from)
      return { ...one, aliases: one.name === to ? [...kept, alias] : kept }
    }),
  })
  if ('create_alias' in action) {
    const { alias_name: alias, collection_name: to } = action.create_alias
    // Qdrant refuses it.
    expect(view.collections.map(({ name }) => name)).not.toContain(alias)
    return give(alias, alias, to)
  }
  if ('delete_alias' in action) return give('', action.delete_alias.alias_name, null)
  const { old_alias_name: from, new_alias_name: alias } = action.rename_alias
  const holder = view.collections.find(({ aliases }) => aliases.includes(from))
  return give(alias, from, holder?.name ?? null)
}

const kinds = (steps: readonly VectorStep[]) => steps.map(({ kind }) => kind)

describe('a plan for a Qdrant cluster', () => {
  it('leaves every shard an active copy at every moment, ends balanced, and is empty when made again', () => {
    const count = fc.integer({ min: 1, max: 5 })
    fc.assert(
      fc.property(
        count,
        fc.integer({ min: 1, max: 9 }),
        count,
        count,
        fc.boolean(),
        (nodes, shards, had, asked, drains) => {
          const staying = drains ? nodes - 1 : nodes
          fc.pre(asked <= staying)
          const goal = goalOf(shards, asked, { drain: drains ? [`vector-${nodes}`] : [] })
          // One node has joined and holds nothing yet.
          const start = viewOf(nodes, [collectionOf(Math.max(1, nodes - 1), shards, Math.min(had, nodes))])
          let view = start
          for (const step of planVector(start, goal).steps) view = after(view, step)
          const loads = view.peers.map(
            ({ id }) => view.collections[0]!.copies.filter(({ peer }) => peer === id).length,
          )
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
          expect(loads.reduce((sum, load) => sum + load, 0)).toBe(shards * asked)
          expect(planVector(view, goal).steps).toEqual([])
        },
      ),
    )
  })

  it('goes on from wherever a change of the shard count was cut off, and ends with one collection', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12), { maxLength: 8 }), fc.boolean(), (cuts, aliased) => {
        const goal = goalOf(3, 1, { shards: 6, dropOld: true })
        const old = collectionOf(3, 3, 1, aliased ? 'docs--3' : 'docs')
        let view = viewOf(3, [{ ...old, aliases: aliased ? ['docs'] : [] }])
        for (const cut of [...cuts, 12])
          for (const step of planVector(view, goal).steps.slice(0, cut)) view = after(view, step)
        for (const step of planVector(view, goal).steps) view = after(view, step)
        expect(view.collections.map(({ name, aliases }) => ({ name, aliases }))).toEqual([
          { name: 'docs--6', aliases: ['docs'] },
        ])
        expect(planVector(view, goal).steps).toEqual([])
      }),
    )
  })

  it('creates the collection that the stack names, when the cluster has none', () => {
    const { steps } = planVector(viewOf(3, []), goalOf(6, 2))
    expect(steps.map(({ what }) => what)).toEqual(['create collection docs with 6 shards, 2 of each'])
  })

  it('waits for what is on its way before it plans anything else', () => {
    const transfer = { shard: 0, from: idOf(1), to: idOf(2), method: 'stream_records', comment: '' }
    const { steps } = planVector(
      viewOf(3, [{ ...collectionOf(3, 3, 1), transfers: [transfer] }]),
      goalOf(3, 2),
    )
    expect(steps.map(({ what }) => what)).toEqual([
      'wait for shard 0 of docs on its way from vector-1 to vector-2',
    ])
  })

  describe('where a node is gone for good', () => {
    const gone = (view: ClusterView): ClusterView => ({
      ...view,
      peers: view.peers.map((peer) => (peer.id === idOf(3) ? { ...peer, up: false } : peer)),
    })
    const drain = goalOf(3, 2, { drain: ['vector-3'] })

    it('copies nothing from it, whatever the cluster still calls its copies', () => {
      const { steps } = planVector(gone(viewOf(3, [collectionOf(3, 3, 2)])), drain)
      const moves = steps.flatMap((step) => (step.kind === 'transfer' ? [step.move] : []))
      expect(moves.map(({ kind, from }) => `${kind} ${from === idOf(3)}`)).toEqual([
        'replicate false',
        'drop true',
        'replicate false',
        'drop true',
      ])
      expect(steps.at(-1)).toMatchObject({ kind: 'remove-peer', name: 'vector-3' })
    })

    it('names what only it holds, and does nothing', () => {
      expect(() =>
        planVector(gone(viewOf(3, [collectionOf(3, 3, 1)])), { ...drain, collection: null }),
      ).toThrow(/the only good copy would be lost of shard 2 of docs/)
    })

    it('gives up its transfers first: nothing would ever come of them', () => {
      const transfer = { shard: 0, from: idOf(1), to: idOf(3), method: 'stream_records', comment: '' }
      const { steps } = planVector(
        gone(viewOf(3, [{ ...collectionOf(3, 3, 1), transfers: [transfer] }])),
        drain,
      )
      expect(steps.map(({ what }) => what)).toEqual([
        'give up the transfer of shard 0 of docs from vector-1 to vector-3',
      ])
    })
  })

  it('waits until a copy that is behind is whole, where another one can make it so', () => {
    const behind = (state: string, up: boolean): ClusterView => {
      const view = viewOf(2, [collectionOf(2, 1, 2)])
      const copies = [
        { shard: 0, peer: idOf(1), state: 'Active', points: 10 },
        { shard: 0, peer: idOf(2), state, points: 4 },
      ]
      return {
        ...view,
        peers: view.peers.map((peer) => (peer.id === idOf(2) ? { ...peer, up } : peer)),
        collections: [{ ...view.collections[0]!, copies }],
      }
    }
    expect(planVector(behind('Dead', true), goalOf(1, 2)).steps).toMatchObject([
      { kind: 'recover', what: 'wait until the copy of shard 0 of docs on vector-2 is whole' },
    ])
    expect(planVector(behind('Active', true), goalOf(1, 2)).steps).toEqual([])
    // Given up with its node it is not waited for.
    const { steps } = planVector(behind('Dead', true), goalOf(1, 1, { drain: ['vector-2'] }))
    expect(kinds(steps)).not.toContain('recover')
  })

  it('keeps the collection that has the name itself until it may be removed, and says why', () => {
    const { steps, notes } = planVector(viewOf(3, [collectionOf(3, 3, 1)]), goalOf(3, 1, { shards: 6 }))
    expect(kinds(steps)).toEqual(['create-like', 'copy'])
    expect(notes.join()).toContain('it has the name itself')
  })

  it('turns an alias in one call and keeps the old collection until it is told otherwise', () => {
    const view = viewOf(3, [{ ...collectionOf(3, 3, 1, 'docs--3'), aliases: ['docs'] }])
    const { steps } = planVector(view, goalOf(3, 1, { shards: 6 }))
    expect(kinds(steps)).toEqual(['create-like', 'copy', 'settle', 'verify', 'change-aliases'])
    expect(steps.at(-1)).toMatchObject({
      actions: [
        { delete_alias: { alias_name: 'docs' } },
        { create_alias: { collection_name: 'docs--6', alias_name: 'docs' } },
      ],
    })
  })

  describe('refuses', () => {
    const cases: [string, ClusterView, VectorGoal, RegExp][] = [
      [
        'more copies than nodes',
        viewOf(2, []),
        goalOf(2, 3),
        /replication 3 needs as many nodes, and 2 are there/,
      ],
      [
        'to create a collection before every node has joined',
        viewOf(2, []),
        goalOf(2, 1, { nodes: 3 }),
        /2 of 3 nodes have joined/,
      ],
      [
        'to drain below the replication',
        viewOf(3, [collectionOf(3, 3, 3)]),
        goalOf(3, 3, { drain: ['vector-3'] }),
        /and 2 would be left/,
      ],
      [
        'to drain every node',
        viewOf(1, [collectionOf(1, 1, 1)]),
        goalOf(1, 1, { drain: ['vector-1'] }),
        /no node would be left/,
      ],
      [
        'to give up the only active copy',
        viewOf(2, [
          { ...collectionOf(2, 1, 1), copies: [{ shard: 0, peer: idOf(2), state: 'Dead', points: null }] },
        ]),
        goalOf(1, 1, { drain: ['vector-2'] }),
        /the only good copy would be lost of shard 0 of docs/,
      ],
      [
        'a node that is down and not given up',
        { ...viewOf(2, []), peers: viewOf(2, []).peers.map((peer, index) => ({ ...peer, up: index === 0 })) },
        goalOf(2, 1),
        /vector-2 does not answer/,
      ],
      [
        'to give up so many nodes that those left agree on nothing, whoever calls itself their leader',
        {
          ...viewOf(3, [collectionOf(3, 3, 3)]),
          peers: viewOf(3, []).peers.map((peer, index) => ({ ...peer, up: index === 0 })),
        },
        goalOf(3, 1, { drain: ['vector-2', 'vector-3'] }),
        /1 of 3 nodes answer, and nothing is agreed on, not even who goes, by less than 2/,
      ],
      [
        'anything without a leader',
        { ...viewOf(2, []), raft: { term: 1, commit: 1, pending: 0, leader: null } },
        goalOf(2, 1),
        /no leader/,
      ],
      [
        'another count of shards where its copies would be fewer than it asks for',
        viewOf(2, [{ ...collectionOf(2, 2, 2), replication: 3 }]),
        { ...goalOf(2, 1, { shards: 4 }), collection: null },
        /docs asks for 3 copies of each shard, and a copy of it on 2 nodes would have fewer/,
      ],
      [
        'another count of shards where keys place the points',
        viewOf(2, [{ ...collectionOf(2, 2, 1), shardKeys: true }]),
        goalOf(2, 1, { shards: 4 }),
        /by keys of yours/,
      ],
    ]
    it.each(cases)('%s', (_name, view, goal, message) => {
      expect(() => planVector(view, goal)).toThrow(message)
    })
  })
})
