import { afterEach, describe, expect, it } from 'vitest'
import { troublesOf } from '../../../src/targets/qdrant/view.ts'
import { planVector } from '../../../src/targets/qdrant/plan.ts'
import { eventually } from '../qdrant-nodes.ts'
import { TriedCluster, goal, spread } from './cluster.ts'

let tried: TriedCluster
afterEach(async () => await tried.nodes.stop())

const collectionNamed = async (name: string) => {
  const view = await tried.view()
  return { view, collection: view.collections.find((one) => one.name === name)! }
}

describe('the nodes of a Qdrant cluster', () => {
  it('are told with their shards, states, points, memory and raft', async () => {
    tried = await TriedCluster.start(3)
    await tried.apply(goal(6, 2))
    await tried.fill(0, 100)
    const view = await tried.view()
    expect(view.raft).toMatchObject({ term: expect.any(Number), leader: expect.stringMatching(/^\d+$/) })
    expect(view.peers.map(({ name, up }) => ({ name, up }))).toEqual([
      { name: 'vector-1', up: true },
      { name: 'vector-2', up: true },
      { name: 'vector-3', up: true },
    ])
    expect(view.peers.every(({ memoryBytes }) => memoryBytes! > 1e6)).toBe(true)
    const [docs] = view.collections
    expect(docs).toMatchObject({ name: 'docs', shards: 6, replication: 2, transfers: [] })
    expect(docs!.copies.reduce((sum, { points }) => sum + points!, 0)).toBe(200)
    expect(spread(view, docs!)).toEqual({ 'vector-1': 4, 'vector-2': 4, 'vector-3': 4 })
    expect(troublesOf(view)).toEqual([])
  })

  it('get more copies of each shard when the factor is raised, and none the second time', async () => {
    tried = await TriedCluster.start(3)
    await tried.apply(goal(6, 1))
    await tried.fill(0, 300)
    const { steps } = await tried.apply(goal(6, 2))
    expect(steps.map(({ kind }) => kind)).toEqual(['set-replication', ...Array(6).fill('transfer')])
    const { view, collection } = await collectionNamed('docs')
    expect(collection.replication).toBe(2)
    expect(collection.copies).toHaveLength(12)
    expect(spread(view, collection)).toEqual({ 'vector-1': 4, 'vector-2': 4, 'vector-3': 4 })
    expect(await tried.countOf('docs')).toBe(300)
    expect((await tried.apply(goal(6, 2))).steps).toEqual([])
  })

  it('share what they hold with one that joins, and are emptied and taken out', async () => {
    tried = await TriedCluster.start(3, 2)
    await tried.apply(goal(6, 2))
    await tried.fill(0, 300)
    await tried.nodes.startNode(2)
    await eventually(
      () => tried.view(),
      ({ peers }) => peers.length === 3,
    )
    expect((await tried.apply(goal(6, 2))).steps.map(({ kind }) => kind)).toEqual(Array(4).fill('transfer'))
    const joined = await collectionNamed('docs')
    expect(spread(joined.view, joined.collection)).toEqual({ 'vector-1': 4, 'vector-2': 4, 'vector-3': 4 })
    expect(await tried.countOf('docs')).toBe(300)
    const drained = await tried.apply(goal(6, 2, { drain: ['vector-3'] }))
    expect(drained.steps.at(-1)).toMatchObject({ kind: 'remove-peer', name: 'vector-3' })
    const { view, collection } = await collectionNamed('docs')
    expect(spread(view, collection)).toEqual({ 'vector-1': 6, 'vector-2': 6 })
    expect(await tried.countOf('docs')).toBe(300)
    // The same command again has nothing left to do.
    expect(await tried.apply(goal(6, 2, { drain: ['vector-3'] }))).toMatchObject({
      steps: [],
      notes: ['vector-3 is no node of the cluster: vector-1, vector-2 are'],
    })
  })

  it('are told that one does not answer, and it can be given up for good', async () => {
    tried = await TriedCluster.start(3)
    await tried.apply(goal(6, 2))
    await tried.fill(0, 300)
    await tried.nodes.kill(2)
    await tried.fill(300, 30)
    const dead = await eventually(
      () => tried.view(),
      (view) => troublesOf(view).some((trouble) => trouble.includes('Dead on')),
    )
    expect(troublesOf(dead).join('\n')).toContain('does not answer')
    await expect(tried.apply(goal(6, 2))).rejects.toThrow(/does not answer/)
    const name = dead.peers.find(({ up }) => !up)!.name
    await tried.apply(goal(6, 2, { drain: [name] }))
    const { view, collection } = await collectionNamed('docs')
    expect(spread(view, collection)).toEqual({ 'vector-1': 6, 'vector-2': 6 })
    expect(await tried.countOf('docs')).toBe(330)
  })

  it('keep every point when one is killed while a shard moves to it', async () => {
    tried = await TriedCluster.start(3)
    await tried.apply(goal(3, 1))
    await tried.fill(0, 3000)
    let killed = false
    const failure = await tried
      .apply(goal(3, 2), {
        onStep: ({ kind }) => {
          if (kind !== 'transfer' || killed) return
          killed = true
          setTimeout(() => void tried.nodes.kill(2), 30)
        },
      })
      .catch((error: unknown) => error)
    if (failure instanceof Error) expect(failure.message).toMatch(/could not|does not answer/)
    await eventually(async () => killed, Boolean)
    await tried.nodes.kill(2)
    await tried.nodes.startNode(2)
    await eventually(
      () => tried.view().catch(() => null),
      (view) =>
        view !== null &&
        troublesOf(view).length === 0 &&
        view.collections.every(({ transfers }) => transfers.length === 0),
    )
    await tried.apply(goal(3, 2))
    const { view, collection } = await collectionNamed('docs')
    expect(spread(view, collection)).toEqual({ 'vector-1': 2, 'vector-2': 2, 'vector-3': 2 })
    expect(await tried.countOf('docs')).toBe(3000)
  })

  it('are refused more copies than there are of them, before anything is made', async () => {
    tried = await TriedCluster.start(2)
    await expect(tried.apply(goal(2, 3))).rejects.toThrow(
      'replication 3 needs as many nodes, and 2 are there',
    )
    expect((await tried.view()).collections).toEqual([])
    await tried.apply(goal(2, 2))
    const view = await tried.view()
    expect(() => planVector(view, goal(2, 2, { drain: ['vector-2'] }))).toThrow('and 1 would be left')
  })
})
