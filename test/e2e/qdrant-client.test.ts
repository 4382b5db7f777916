import { QdrantClient } from '@qdrant/js-client-rest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, QdrantNodes } from './qdrant-nodes.ts'

const dimensions = 16
const uuid = '5c56c793-69f3-4fbf-87e6-c4bf54c28c26'

/** A vector of its own for every number, the same every time. */
const vectorOf = (seed: number) =>
  Array.from({ length: dimensions }, (_, at) => Math.sin(seed * 12.9898 + at * 78.233))

const cosine = (a: number[], b: number[]) => {
  const dot = (x: number[], y: number[]) => x.reduce((sum, value, at) => sum + value * y[at]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

describe("Qdrant's official client against three emulated nodes", () => {
  let nodes: QdrantNodes
  let clients: QdrantClient[]
  const client = (node = 0) => clients[node]!
  const points = Array.from({ length: 300 }, (_, id) => ({
    id,
    vector: vectorOf(id),
    payload: {
      source: `doc${id % 3}`,
      chunk: id,
      tags: id % 2 === 0 ? ['even', 'all'] : ['all'],
      nested: { depth: id % 7 },
    },
  }))

  beforeAll(async () => {
    nodes = await QdrantNodes.start(3)
    clients = [0, 1, 2].map((node) => new QdrantClient({ url: nodes.url(node) }))
    await client().createCollection('docs', {
      vectors: { size: dimensions, distance: 'Cosine' },
      shard_number: 6,
      replication_factor: 2,
    })
    await client().createPayloadIndex('docs', { field_name: 'chunk', field_schema: 'integer', wait: true })
    for (let start = 0; start < points.length; start += 100) {
      await client(start === 100 ? 1 : 0).upsert('docs', {
        wait: true,
        points: points.slice(start, start + 100),
      })
    }
  })
  afterAll(async () => await nodes.stop())

  it('believes the version it talks to', async () => {
    const { version } = await client().versionInfo()
    expect(version).toMatch(/^1\.18\./)
  })

  it('sees a collection and its points on every node as soon as they are acknowledged', async () => {
    for (const node of [0, 1, 2]) {
      expect((await client(node).getCollections()).collections).toEqual([{ name: 'docs' }])
      expect((await client(node).count('docs', { exact: true })).count).toBe(300)
      expect((await client(node).getCollection('docs')).payload_schema).toEqual({
        chunk: { data_type: 'integer', points: 300 },
      })
    }
  })

  it('finds the true nearest neighbours through any node, whatever node holds them', async () => {
    for (const [node, seed] of [
      [0, 1000],
      [1, 1001],
      [2, 1002],
    ] as const) {
      const query = vectorOf(seed)
      const truth = points
        .map(({ id, vector }) => ({ id, score: cosine(query, vector) }))
        .sort((a, b) => b.score - a.score)
      const { points: found } = await client(node).query('docs', {
        query,
        limit: 10,
        with_payload: true,
        with_vector: true,
      })
      expect(found.map(({ id }) => id)).toEqual(truth.slice(0, 10).map(({ id }) => id))
      for (const [at, hit] of found.entries()) {
        expect(hit.score).toBeCloseTo(truth[at]!.score, 5)
        expect(hit.payload?.['chunk']).toBe(hit.id)
        expect(cosine(hit.vector as number[], vectorOf(hit.id as number))).toBeCloseTo(1, 5)
      }
    }
  })

  it('answers several queries at once as it answers each', async () => {
    const searches = [5, 6, 7].map((seed) => ({ query: vectorOf(seed), limit: 3 }))
    const batch = await client(1).queryBatch('docs', { searches })
    const single = await Promise.all(searches.map((search) => client(1).query('docs', search)))
    expect(batch).toEqual(single)
  })

  it('answers the older search as the query, without what was not asked for', async () => {
    const vector = vectorOf(42)
    const { points: queried } = await client().query('docs', { query: vector, limit: 4 })
    const response = await fetch(`${nodes.url(0)}/collections/docs/points/search`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ vector, limit: 4 }),
    })
    const { result } = (await response.json()) as { result: object[] }
    expect(result).toEqual(queried)
    expect(Object.keys(result[0]!)).toEqual(['id', 'version', 'score'])
  })

  it('skips, limits and cuts off by score', async () => {
    const query = vectorOf(77)
    const { points: all } = await client().query('docs', { query, limit: 6 })
    const { points: later } = await client().query('docs', { query, limit: 4, offset: 2 })
    expect(later).toEqual(all.slice(2))
    const threshold = all[3]!.score
    const { points: near } = await client().query('docs', { query, limit: 6, score_threshold: threshold })
    expect(near).toEqual(all.slice(0, 3))
  })

  it('finds neighbours of a point that is there, and leaves it out', async () => {
    const { points: found } = await client(2).query('docs', { query: 17, limit: 5 })
    const { points: byVector } = await client(2).query('docs', { query: vectorOf(17), limit: 6 })
    expect(byVector[0]!.id).toBe(17)
    expect(found.map(({ id }) => id)).toEqual(byVector.slice(1).map(({ id }) => id))
  })

  it('filters while it searches', async () => {
    const filter = {
      must: [
        { key: 'source', match: { value: 'doc1' } },
        { key: 'chunk', range: { gte: 50, lt: 200 } },
      ],
      must_not: [{ has_id: [52, 55] }, { key: 'tags', match: { any: ['even'] } }],
      should: [
        { key: 'nested.depth', match: { value: 3 } },
        { key: 'nested.depth', match: { value: 4 } },
      ],
    }
    const passes = (id: number) =>
      id % 3 === 1 &&
      id >= 50 &&
      id < 200 &&
      ![52, 55].includes(id) &&
      id % 2 === 1 &&
      [3, 4].includes(id % 7)
    const { points: found } = await client().query('docs', { query: vectorOf(1), limit: 300, filter })
    expect(found.map(({ id }) => id as number).sort((a, b) => a - b)).toEqual(
      points.map(({ id }) => id).filter(passes),
    )
    expect((await client().count('docs', { filter, exact: true })).count).toBe(found.length)
  })

  it('shows the part of a payload that is asked for', async () => {
    const [only] = await client().retrieve('docs', { ids: [9], with_payload: ['source', 'nested.depth'] })
    expect(only!.payload).toEqual({ source: 'doc0', nested: { depth: 2 } })
    const [without] = await client().retrieve('docs', {
      ids: [9],
      with_payload: { exclude: ['tags', 'nested'] },
    })
    expect(without!.payload).toEqual({ source: 'doc0', chunk: 9 })
  })

  it('pages through all points in the order of their ids', async () => {
    const seen: unknown[] = []
    let offset: string | number | undefined
    for (;;) {
      const page = await client(1).scroll('docs', {
        limit: 70,
        with_payload: false,
        ...(offset === undefined ? {} : { offset }),
      })
      seen.push(...page.points.map(({ id }) => id))
      if (page.next_page_offset === null || page.next_page_offset === undefined) break
      offset = page.next_page_offset as number
    }
    expect(seen).toEqual(points.map(({ id }) => id))
  })

  it('orders by an indexed field, and refuses one without a range index', async () => {
    const page = await client().scroll('docs', { limit: 3, order_by: { key: 'chunk', direction: 'desc' } })
    expect(page.points.map(({ id }) => id)).toEqual([299, 298, 297])
    await expect(client().scroll('docs', { limit: 3, order_by: 'source' })).rejects.toMatchObject({
      status: 400,
    })
  })

  it('takes points as columns, with ids that are UUIDs or beyond 2^53', async () => {
    const large = 18_446_744_073_709_551_615n
    await client().upsert('docs', {
      wait: true,
      batch: {
        ids: [uuid, large as unknown as number],
        vectors: [vectorOf(1), vectorOf(2)],
        payloads: [{ source: 'columns' }, { source: 'columns' }],
      },
    })
    const filter = { must: [{ key: 'source', match: { value: 'columns' } }] }
    const { points: found } = await client(2).scroll('docs', { filter })
    expect(found.map(({ id }) => id)).toEqual([large, uuid])
    await client(1).delete('docs', { wait: true, points: [uuid, large as unknown as number] })
    expect((await client().count('docs', { filter, exact: true })).count).toBe(0)
  })

  it('sets, overwrites, deletes and clears payloads', async () => {
    const payloadOf = async () => (await client(2).retrieve('docs', { ids: [3] }))[0]!.payload
    await client().setPayload('docs', { wait: true, payload: { seen: true }, points: [3] })
    expect(await payloadOf()).toEqual({ ...points[3]!.payload, seen: true })
    await client().setPayload('docs', { wait: true, payload: { why: 'test' }, key: 'nested', points: [3] })
    expect(await payloadOf()).toMatchObject({ nested: { depth: 3, why: 'test' } })
    await client().deletePayload('docs', { wait: true, keys: ['seen', 'tags', 'nested.why'], points: [3] })
    expect(await payloadOf()).toEqual({ source: 'doc0', chunk: 3, nested: { depth: 3 } })
    await client().overwritePayload('docs', {
      wait: true,
      payload: { fresh: 1 },
      filter: { must: [{ has_id: [3] }] },
    })
    expect(await payloadOf()).toEqual({ fresh: 1 })
    await client().clearPayload('docs', { wait: true, points: [3] })
    expect(await payloadOf()).toEqual({})
    await client().upsert('docs', { wait: true, points: [points[3]!] })
  })

  it('does several updates at once, in order', async () => {
    await client().batchUpdate('docs', {
      wait: true,
      operations: [
        { upsert: { points: [{ id: 900, vector: vectorOf(900), payload: { a: 1 } }] } },
        { set_payload: { payload: { b: 2 }, points: [900] } },
        { delete_payload: { keys: ['a'], points: [900] } },
      ],
    })
    expect((await client(1).retrieve('docs', { ids: [900] }))[0]!.payload).toEqual({ b: 2 })
    await client().delete('docs', { wait: true, filter: { must: [{ has_id: [900] }] } })
    expect(await client(1).retrieve('docs', { ids: [900] })).toEqual([])
  })

  it('switches an alias from one collection to another in one step', async () => {
    await client().createCollection('next', {
      vectors: { size: dimensions, distance: 'Dot' },
      shard_number: 1,
    })
    await client().updateCollectionAliases({
      actions: [{ create_alias: { collection_name: 'docs', alias_name: 'live' } }],
    })
    expect((await client(2).count('live')).count).toBe(300)
    await client(1).updateCollectionAliases({
      actions: [
        { delete_alias: { alias_name: 'live' } },
        { create_alias: { collection_name: 'next', alias_name: 'live' } },
      ],
    })
    expect((await client().getAliases()).aliases).toEqual([{ alias_name: 'live', collection_name: 'next' }])
    expect((await client(2).count('live')).count).toBe(0)
    await client().deleteCollection('next')
    expect((await client().getAliases()).aliases).toEqual([])
  })

  it('scores by every distance as its name says', async () => {
    const a = [1, 2, 3, 4]
    const b = [2, 0, 3, -1]
    const wanted = { Dot: 7, Euclid: Math.sqrt(30), Manhattan: 8, Cosine: 7 / Math.sqrt(30 * 14) }
    for (const [distance, score] of Object.entries(wanted)) {
      const name = `by-${distance}`
      await client().createCollection(name, {
        vectors: { size: 4, distance: distance as keyof typeof wanted },
        shard_number: 2,
      })
      await client().upsert(name, {
        wait: true,
        points: [
          { id: 1, vector: b },
          { id: 2, vector: a.map((value) => -9 * value) },
        ],
      })
      const { points: found } = await client().query(name, { query: a, limit: 2 })
      expect(found[0]!.id).toBe(1)
      expect(found[0]!.score).toBeCloseTo(score, 5)
      await client().deleteCollection(name)
    }
  })

  it('moves a shard while points are written to it, and loses none', async () => {
    const replicas = async () => {
      const {
        local_shards: local,
        remote_shards: remote,
        peer_id: peer,
        shard_transfers: transfers,
      } = await client().collectionClusterInfo('docs')
      const all = [...local.map((one) => ({ ...one, peer_id: peer })), ...remote]
      return { all, transfers }
    }
    const { all } = await replicas()
    const peers = [...new Set(all.map(({ peer_id }) => peer_id))]
    const shard = 0
    const holders = all.filter(({ shard_id }) => shard_id === shard).map(({ peer_id }) => peer_id)
    const [from] = holders
    const to = peers.find((peer) => !holders.includes(peer))!
    await client(2).updateCollectionCluster('docs', {
      move_shard: { shard_id: shard, from_peer_id: from!, to_peer_id: to, method: 'stream_records' },
    })
    const writes = Array.from({ length: 40 }, (_, at) => ({
      id: 2000 + at,
      vector: vectorOf(at),
      payload: { moving: true },
    }))
    for (const point of writes) await client(point.id % 3).upsert('docs', { wait: true, points: [point] })
    const after = await eventually(replicas, ({ transfers }) => transfers.length === 0)
    expect(
      after.all
        .filter(({ shard_id }) => shard_id === shard)
        .map(({ peer_id }) => String(peer_id))
        .toSorted((a, b) => a.localeCompare(b)),
    ).toEqual([holders[1]!, to].map(String).toSorted((a, b) => a.localeCompare(b)))
    const filter = { must: [{ key: 'moving', match: { value: true } }] }
    for (const node of [0, 1, 2]) {
      expect(
        (await client(node).count('docs', { filter, exact: true, consistency: 'all' } as never)).count,
      ).toBe(40)
      const { points: found } = await client(node).scroll('docs', {
        filter,
        limit: 100,
        consistency: 'all',
      } as never)
      expect(found).toHaveLength(40)
    }
    await client().delete('docs', { wait: true, filter })
  })

  it('refuses what Qdrant refuses, with its status', async () => {
    await expect(client().getCollection('nope')).rejects.toMatchObject({ status: 404 })
    await expect(client().query('docs', { query: [1, 2] })).rejects.toMatchObject({ status: 400 })
    await expect(
      client().createCollection('docs', { vectors: { size: 4, distance: 'Dot' } }),
    ).rejects.toMatchObject({ status: 409 })
    await expect(
      client().createCollection('zero', { vectors: { size: 0, distance: 'Dot' } }),
    ).rejects.toMatchObject({ status: 422 })
    await expect(client().query('docs', { query: { recommend: { positive: [1] } } })).rejects.toMatchObject({
      status: 501,
    })
  })
})
