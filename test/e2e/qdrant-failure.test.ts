import { QdrantClient } from '@qdrant/js-client-rest'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually, QdrantNodes } from './qdrant-nodes.ts'

const dimensions = 8
const vectorOf = (seed: number) =>
  Array.from({ length: dimensions }, (_, at) => Math.cos(seed * 7.77 + at * 3.21))
const pointsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, at) => ({
    id: first + at,
    vector: vectorOf(first + at),
    payload: { n: first + at },
  }))

describe('an emulated cluster that loses nodes', () => {
  let nodes: QdrantNodes
  afterEach(async () => await nodes.stop())

  const clientOf = (node: number) =>
    new QdrantClient({ url: nodes.url(node), checkCompatibility: false, timeout: 30_000 })
  const begin = async (count: number, more: object = {}) => {
    nodes = await QdrantNodes.start(count)
    await clientOf(0).createCollection('docs', {
      vectors: { size: dimensions, distance: 'Euclid' },
      shard_number: 4,
      replication_factor: 2,
      ...more,
    })
    await clientOf(0).upsert('docs', { wait: true, points: pointsFrom(0, 200) })
  }
  const idsOn = async (node: number) => {
    const { points } = await clientOf(node).scroll('docs', { limit: 10_000, with_payload: false })
    return points.map(({ id }) => id)
  }
  const statesOn = async (node: number) => {
    const { local_shards: local, remote_shards: remote } = await clientOf(node).collectionClusterInfo('docs')
    return [...local, ...remote].map(({ state }) => state)
  }
  const raftOn = async (node: number) => {
    const response = await fetch(`${nodes.url(node)}/cluster`)
    const text = (await response.text()).replace(/("(?:peer_id|leader)":)(\d+)/g, '$1"$2"')
    return JSON.parse(text).result as {
      peer_id: string
      peers: Record<string, unknown>
      raft_info: { term: number; leader: string | null; role: string }
    }
  }
  const allActive = (states: string[]) => states.every((state) => state === 'Active')
  const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)

  it('goes on without a follower, and brings its replicas up to date when it is back', async () => {
    await begin(3)
    await nodes.kill(2)
    expect(await idsOn(0)).toEqual(numbers(200))
    await clientOf(1).upsert('docs', { wait: true, points: pointsFrom(200, 100) })
    expect(await statesOn(0)).toContain('Dead')
    expect(await idsOn(0)).toEqual(numbers(300))

    await nodes.startNode(2)
    await eventually(() => statesOn(2), allActive)
    for (const node of [0, 1, 2]) {
      const { count } = await clientOf(node).count('docs', { exact: true })
      expect(count).toBe(300)
      // Every replica holds what was written while one was away.
      const response = await fetch(`${nodes.url(node)}/collections/docs/points/scroll?consistency=all`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ limit: 1000 }),
      })
      expect(((await response.json()) as { result: { points: unknown[] } }).result.points).toHaveLength(300)
    }
  })

  it('chooses the next node when its leader dies, and none when there is no majority', async () => {
    await begin(3)
    const before = await raftOn(1)
    expect((await raftOn(0)).raft_info.role).toBe('Leader')
    await nodes.kill(0)
    const after = await eventually(
      () => raftOn(1),
      ({ raft_info: raft }) => raft.role === 'Leader',
    )
    expect(after.raft_info.leader).toBe(after.peer_id)
    expect(after.raft_info.term).toBeGreaterThan(before.raft_info.term)
    await clientOf(2).createCollection('second', { vectors: { size: 4, distance: 'Dot' }, shard_number: 1 })
    expect(await idsOn(2)).toEqual(numbers(200))

    await nodes.kill(1)
    // Qdrant's word for nobody.
    await eventually(
      () => raftOn(2),
      ({ raft_info: raft }) => raft.leader === '0',
    )
    await expect(
      clientOf(2).createCollection('third', {
        vectors: { size: 4, distance: 'Dot' },
        shard_number: 1,
        timeout: 1,
      }),
    ).rejects.toMatchObject({ status: 500 })

    await nodes.startNode(0)
    await eventually(
      async () => (await clientOf(0).getCollections()).collections.length,
      (count) => count === 2,
    )
    await clientOf(0).createCollection('third', { vectors: { size: 4, distance: 'Dot' }, shard_number: 1 })
    const names = (await clientOf(2).getCollections()).collections.map(({ name }) => name)
    expect(names).toEqual(['docs', 'second', 'third'])
  })

  it('comes back whole after all of it was killed at once, under the same peer ids', async () => {
    await begin(3)
    const peers = await Promise.all([0, 1, 2].map(async (node) => (await raftOn(node)).peer_id))
    await clientOf(0).delete('docs', { wait: true, points: [5, 6] })
    await clientOf(0).setPayload('docs', { wait: true, payload: { kept: true }, points: [7] })
    await Promise.all([0, 1, 2].map((node) => nodes.kill(node)))

    await Promise.all([0, 1, 2].map((node) => nodes.startNode(node)))
    await eventually(
      async () => (await fetch(`${nodes.url(2)}/readyz`)).status,
      (status) => status === 200,
    )
    expect(await Promise.all([0, 1, 2].map(async (node) => (await raftOn(node)).peer_id))).toEqual(peers)
    expect(await idsOn(1)).toEqual(numbers(200).filter((id) => id !== 5 && id !== 6))
    expect((await clientOf(2).retrieve('docs', { ids: [7] }))[0]!.payload).toEqual({ n: 7, kept: true })
    const { points: found } = await clientOf(1).query('docs', { query: vectorOf(7), limit: 1 })
    expect(found[0]).toMatchObject({ id: 7, score: 0 })
  })

  it('acknowledges nothing that a node killed under load takes with it', async () => {
    await begin(3)
    const acknowledged: number[] = numbers(200)
    let next = 200
    const stop = new AbortController()
    const writers = [0, 1].map(async (node) => {
      while (!stop.signal.aborted && next < 2000) {
        const points = pointsFrom(next, 10)
        next += 10
        await clientOf(node).upsert('docs', { wait: true, points })
        acknowledged.push(...points.map(({ id }) => id))
      }
    })
    await new Promise((resolve) => setTimeout(resolve, 150))
    await nodes.kill(2)
    await new Promise((resolve) => setTimeout(resolve, 400))
    stop.abort()
    await Promise.all(writers)
    await nodes.startNode(2)
    await eventually(() => statesOn(2), allActive)
    for (const node of [0, 1, 2]) {
      const ids = new Set(await idsOn(node))
      expect(acknowledged.filter((id) => !ids.has(id))).toEqual([])
    }
  })

  it('reads from no replica that is not there, and says so as Qdrant does', async () => {
    await begin(3, { replication_factor: 1, shard_number: 3 })
    await nodes.kill(2)
    const failed = clientOf(0).query('docs', { query: vectorOf(1), limit: 3 })
    await expect(failed).rejects.toMatchObject({ status: 500 })
    await expect(failed).rejects.toSatisfy((error: { data: { status: { error: string } } }) =>
      error.data.status.error.startsWith(
        'Service internal error: 1 of 1 read operations failed:\n  Service internal error: Tonic',
      ),
    )
  })

  it('forgets a peer that is removed by force, and its replicas', async () => {
    await begin(3)
    const gone = (await raftOn(2)).peer_id
    await nodes.kill(2)
    const refused = await fetch(`${nodes.url(0)}/cluster/peer/${gone}`, { method: 'DELETE' })
    expect(refused.status).toBe(400)
    const removed = await fetch(`${nodes.url(1)}/cluster/peer/${gone}?force=true`, { method: 'DELETE' })
    expect(removed.status).toBe(200)
    expect(Object.keys((await raftOn(1)).peers)).toHaveLength(2)
    expect(await statesOn(0)).toSatisfy(allActive)
    expect(await idsOn(1)).toEqual(numbers(200))
  })
})
