import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../qdrant-nodes.ts'
import { TriedCluster, goal, spread } from './cluster.ts'

let tried: TriedCluster
afterEach(async () => await tried.nodes.stop())

const names = async () =>
  (await tried.view()).collections.map(({ name, aliases, shards }) => ({ name, aliases, shards }))

async function restartLater(node: number): Promise<void> {
  await tried.nodes.kill(node)
  await new Promise((resolve) => setTimeout(resolve, 500))
  await tried.nodes.startNode(node)
}

describe('another count of shards', () => {
  it('is a copy that takes the name, first of a collection that has it and then of an alias', async () => {
    tried = await TriedCluster.start(3)
    await tried.apply(goal(3, 2))
    await tried.fill(0, 700)
    await tried.ask(0, 'PUT', '/collections/docs/index?wait=true', {
      field_name: 'source',
      field_schema: 'keyword',
    })
    const copied = await tried.apply(goal(3, 2, { shards: 6 }))
    expect(copied.notes.join()).toContain('callers stay on docs with 3 shards')
    expect(await names()).toEqual([
      { name: 'docs', aliases: [], shards: 3 },
      { name: 'docs--6', aliases: [], shards: 6 },
    ])
    expect(await tried.countOf('docs--6')).toBe(700)

    // Meanwhile somebody wrote, changed and removed.
    await tried.fill(690, 20)
    await tried.ask(0, 'POST', '/collections/docs/points/delete?wait=true', { points: [0, 1, 2] })
    await tried.apply(goal(3, 2, { shards: 6, dropOld: true }))
    expect(await names()).toEqual([{ name: 'docs--6', aliases: ['docs'], shards: 6 }])
    expect(await tried.countOf('docs')).toBe(707)

    await tried.apply(goal(6, 2, { shards: 12 }))
    expect(await names()).toEqual([
      { name: 'docs--12', aliases: ['docs'], shards: 12 },
      { name: 'docs--6', aliases: [], shards: 6 },
    ])
    expect(await tried.countOf('docs')).toBe(707)
    const view = await tried.view()
    expect(spread(view, view.collections[0]!)).toEqual({ 'vector-1': 8, 'vector-2': 8, 'vector-3': 8 })
    const info = await tried.ask<{ payload_schema: object }>(0, 'GET', '/collections/docs')
    expect(info.payload_schema).toMatchObject({ source: { data_type: 'keyword' } })
    expect(await tried.apply(goal(12, 2))).toMatchObject({
      steps: [],
      notes: ['docs--6 stands beside docs--12 and serves nobody: --drop-old removes it'],
    })
    await tried.apply(goal(12, 2, { dropOld: true }))
    expect((await names()).map(({ name }) => name)).toEqual(['docs--12'])
  })

  it('goes on when a node is killed during the copy and comes back', async () => {
    tried = await TriedCluster.start(3)
    await tried.apply(goal(3, 2))
    await tried.fill(0, 2000)
    let killed = false
    await tried.apply(goal(3, 2, { shards: 6, dropOld: true }), {
      throttle: 1500,
      onCopy: () => {
        if (killed) return
        killed = true
        void restartLater(1)
      },
    })
    await eventually(
      () => tried.countOf('docs').catch(() => 0),
      (count) => count === 2000,
    )
    expect(await names()).toEqual([{ name: 'docs--6', aliases: ['docs'], shards: 6 }])
  })
})
