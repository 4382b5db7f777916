import { afterEach, describe, expect, it } from 'vitest'
import { eventually, QdrantNodes } from './qdrant-nodes.ts'

interface Copies {
  readonly peer_id: number
  readonly local_shards: readonly { shard_id: number; points_count: number; state: string }[]
  readonly remote_shards: readonly { shard_id: number; peer_id: number; state: string }[]
  readonly shard_transfers: readonly object[]
}

const pointsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, at) => ({ id: first + at, vector: [1, first + at, 2, 3] }))
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)

describe('a shard that is moved', () => {
  let nodes: QdrantNodes
  afterEach(async () => await nodes.stop())

  const ask = async <T>(node: number, method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(nodes.url(node) + path, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    expect(response.status, text).toBe(200)
    return (JSON.parse(text) as { result: T }).result
  }
  const copiesOn = async (node: number) => await ask<Copies>(node, 'GET', '/collections/docs/cluster')
  const peerOf = async (node: number) => (await copiesOn(node)).peer_id
  const write = async (node: number, first: number, count: number) =>
    await ask(node, 'PUT', '/collections/docs/points?wait=true', { points: pointsFrom(first, count) })
  const idsOn = async (node: number) => {
    const path = '/collections/docs/points/scroll'
    const { points } = await ask<{ points: { id: number }[] }>(node, 'POST', path, { limit: 10_000 })
    return points.map(({ id }) => id)
  }
  const begin = async (count: number) => {
    nodes = await QdrantNodes.start(count)
    await ask(0, 'PUT', '/collections/docs', {
      vectors: { size: 4, distance: 'Cosine' },
      shard_number: 1,
      replication_factor: 1,
    })
    await write(0, 0, 200)
    const copies = await Promise.all(numbers(count).map(copiesOn))
    return copies.findIndex(({ local_shards: local }) => local.length === 1)
  }
  const move = async (from: number, to: number) => {
    const [fromPeer, toPeer] = [await peerOf(from), await peerOf(to)]
    await ask(from, 'POST', '/collections/docs/cluster', {
      move_shard: { shard_id: 0, from_peer_id: fromPeer, to_peer_id: toPeer, method: 'stream_records' },
    })
    await eventually(
      () => copiesOn(to),
      ({ shard_transfers: transfers, local_shards: [own] }) =>
        transfers.length === 0 && own?.state === 'Active',
    )
  }

  it('keeps every point when it comes back at once to where it was', async () => {
    const home = await begin(2)
    const other = 1 - home
    for (const [from, to] of [
      [home, other],
      [other, home],
      [home, other],
    ] as const) {
      await move(from, to)
      expect((await copiesOn(to)).local_shards).toMatchObject([{ shard_id: 0, points_count: 200 }])
      expect(await idsOn(from)).toEqual(numbers(200))
    }
    await write(home, 200, 10)
    expect(await idsOn(home)).toEqual(numbers(210))
    expect(await idsOn(other)).toEqual(numbers(210))
  })

  it('keeps what is written through every node while it goes round all of them', async () => {
    const home = await begin(3)
    const acknowledged = numbers(200)
    const stop = new AbortController()
    let next = 200
    const writers = [0, 1, 2].map(async (node) => {
      while (!stop.signal.aborted && next < 5000) {
        const first = next
        next += 5
        await write(node, first, 5)
        acknowledged.push(...pointsFrom(first, 5).map(({ id }) => id))
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    })
    const stops = [home, (home + 1) % 3, (home + 2) % 3, home, (home + 1) % 3, home]
    for (const [at, to] of stops.slice(1).entries()) await move(stops[at]!, to)
    stop.abort()
    await Promise.all(writers)
    const ids = new Set(await idsOn(0))
    expect(acknowledged.filter((id) => !ids.has(id))).toEqual([])
    // The replicas that stayed for a farewell are gone by then.
    await eventually(
      () => Promise.all(numbers(3).map(copiesOn)),
      (copies) => copies.filter(({ local_shards: local }) => local.length === 1).length === 1,
    )
    expect((await copiesOn(home)).local_shards).toMatchObject([{ points_count: ids.size }])
  })
})
