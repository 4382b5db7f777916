import { afterEach, describe, expect, it } from 'vitest'
import { QdrantNodes } from './qdrant-nodes.ts'

describe('one emulated node', () => {
  let nodes: QdrantNodes
  afterEach(async () => await nodes.stop())

  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(nodes.url(0) + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type') === 'application/json'
    return {
      status: response.status,
      text,
      body: (isJson ? JSON.parse(text) : null) as never as Record<string, never>,
    }
  }
  const vectors = { size: 4, distance: 'Cosine' }

  it('works without a cluster, and says that it has none', async () => {
    nodes = await QdrantNodes.start(1, { cluster: false })
    expect((await ask('GET', '/cluster')).body).toMatchObject({
      result: { status: 'disabled' },
      status: 'ok',
    })
    expect((await ask('PUT', '/collections/one', { vectors })).body).toMatchObject({ result: true })
    const info = await ask('GET', '/collections/one/cluster')
    expect(info.body).toMatchObject({ result: { shard_count: 1, remote_shards: [], shard_transfers: [] } })
    await ask('PUT', '/collections/one/points?wait=true', { points: [{ id: 1, vector: [1, 2, 3, 4] }] })
    await nodes.kill(0)
    await nodes.startNode(0)
    const found = await ask('POST', '/collections/one/points/query', { query: [1, 2, 3, 4] })
    expect(found.text).toContain('{"points":[{"id":1,"version":1,"score":')
  })

  it('lets in who has the key, to read only who has that key, and anybody to ask for its health', async () => {
    process.env['TEST_QDRANT_KEY'] = 'all'
    process.env['TEST_QDRANT_READ_KEY'] = 'some'
    nodes = await QdrantNodes.start(1, {
      apiKeyEnv: 'TEST_QDRANT_KEY',
      readOnlyApiKeyEnv: 'TEST_QDRANT_READ_KEY',
    })
    for (const path of ['/', '/healthz', '/livez', '/readyz'])
      expect((await ask('GET', path)).status).toBe(200)
    const without = await ask('GET', '/collections')
    expect(without).toMatchObject({
      status: 401,
      text: 'Must provide an API key or an Authorization bearer token',
    })
    const wrong = await ask('GET', '/metrics', undefined, { 'api-key': 'none' })
    expect(wrong).toMatchObject({ status: 401, text: 'Invalid API key or JWT' })
    expect((await ask('PUT', '/collections/one', { vectors }, { authorization: 'Bearer all' })).status).toBe(
      200,
    )
    expect((await ask('GET', '/collections/one', undefined, { 'api-key': 'some' })).status).toBe(200)
    const write = await ask('DELETE', '/collections/one', undefined, { 'api-key': 'some' })
    expect(write.status).toBe(403)
    expect(write.text).toContain('{"status":{"error":"Forbidden: Global manage access is required"}')
  })

  it('refuses more points than it can search within the modelled time, and keeps those it has', async () => {
    nodes = await QdrantNodes.start(1, { pointsLimit: 5 })
    await ask('PUT', '/collections/one', { vectors, shard_number: 1 })
    const points = Array.from({ length: 5 }, (_, id) => ({ id, vector: [id, 1, 1, 1] }))
    expect((await ask('PUT', '/collections/one/points?wait=true', { points })).status).toBe(200)
    const refused = await ask('PUT', '/collections/one/points?wait=true', {
      points: [{ id: 5, vector: [1, 1, 1, 1] }],
    })
    expect(refused.status).toBe(507)
    expect(refused.text).toContain('cannot be searched within the modelled time')
    expect((await ask('PUT', '/collections/one/points?wait=true', { points })).status).toBe(200)
    expect((await ask('POST', '/collections/one/points/count', {})).body).toMatchObject({
      result: { count: 5 },
    })
  })

  it('draws each search from the law it is given, and tells how late it ran', async () => {
    // So long that all three meet, however busy the machine is.
    const law = { kind: 'fixed', meanMs: 2_000 } as const
    nodes = await QdrantNodes.start(1, { emulation: { model: 'fifo', law, servers: 1, queueLimit: 0 } })
    await ask('PUT', '/collections/one', { vectors, shard_number: 1 })
    const query = () => ask('POST', '/collections/one/points/query', { query: [1, 2, 3, 4] })
    const statuses = (await Promise.all([query(), query(), query()]))
      .map(({ status }) => status)
      .toSorted((a, b) => a - b)
    expect(statuses).toEqual([200, 429, 429])
    const { body } = await ask('GET', '/__ragscale/emulator')
    expect(body).toMatchObject({ emulated: true })
    expect(body['overrunP99Ms']).toBeGreaterThanOrEqual(0)
  })

  it('misses points by a shallow approximate search, none by an exact one, and always the same', async () => {
    nodes = await QdrantNodes.start(1)
    await ask('PUT', '/collections/one', {
      vectors,
      shard_number: 1,
      optimizers_config: { indexing_threshold: 1 },
      hnsw_config: { full_scan_threshold: 10 },
    })
    const points = Array.from({ length: 4000 }, (_, id) => ({
      id,
      vector: [Math.sin(id), Math.cos(id), Math.sin(3 * id), 1],
    }))
    await ask('PUT', '/collections/one/points?wait=true', { points })
    const idsBy = async (seed: number, params: object) => {
      const query = { query: [Math.sin(seed), Math.cos(seed), 1, 1], limit: 10, params }
      const { body } = await ask('POST', '/collections/one/points/query', query)
      return (body['result'] as unknown as { points: { id: number }[] }).points.map(({ id }) => id)
    }
    const recallBy = async (ef: number) => {
      let found = 0
      for (let seed = 0; seed < 20; seed++) {
        const truth = new Set(await idsBy(seed, { exact: true }))
        found += (await idsBy(seed, { hnsw_ef: ef })).filter((id) => truth.has(id)).length
      }
      return found / 200
    }
    const shallow = await recallBy(10)
    expect(shallow).toBeLessThan(0.95)
    expect(shallow).toBeGreaterThan(0.6)
    expect(await recallBy(10)).toBe(shallow)
    // A beam is never narrower than what it is to find.
    expect(await recallBy(4)).toBe(shallow)
    expect(await recallBy(50)).toBeGreaterThan(shallow)
    expect(await recallBy(5000)).toBe(1)
    const info = await ask('GET', '/collections/one')
    expect(info.body).toMatchObject({ result: { indexed_vectors_count: 4000, points_count: 4000 } })
  })

  it('keeps the points of each shard key to themselves', async () => {
    nodes = await QdrantNodes.start(1)
    await ask('PUT', '/collections/tenants', { vectors, sharding_method: 'custom' })
    for (const key of ['eu', 'us']) {
      expect(
        (await ask('PUT', '/collections/tenants/shards', { shard_key: key, shards_number: 2 })).status,
      ).toBe(200)
      const points = Array.from({ length: 10 }, (_, id) => ({ id, vector: [id, 1, 2, 3], payload: { key } }))
      await ask('PUT', '/collections/tenants/points?wait=true', { points, shard_key: key })
    }
    const count = async (body: object) => {
      const answer = await ask('POST', '/collections/tenants/points/count', body)
      return (answer.body['result'] as unknown as { count: number }).count
    }
    expect(await count({})).toBe(20)
    expect(await count({ shard_key: 'eu' })).toBe(10)
    expect(await count({ shard_key: ['eu', 'us'] })).toBe(20)
    const query = { query: [1, 1, 2, 3], limit: 20, with_payload: true, shard_key: 'us' }
    const found = await ask('POST', '/collections/tenants/points/query', query)
    expect(found.text).not.toContain('"eu"')
    const nowhere = await ask('PUT', '/collections/tenants/points', {
      points: [{ id: 1, vector: [1, 1, 1, 1] }],
    })
    expect(nowhere.text).toContain('Shard key not specified')
    expect((await ask('GET', '/collections/tenants/shards')).body).toMatchObject({
      result: { shard_keys: [{ key: 'eu' }, { key: 'us' }] },
    })
    await ask('POST', '/collections/tenants/shards/delete', { shard_key: 'eu' })
    expect(await count({})).toBe(10)
  })

  it('says what it does not emulate, instead of making something up', async () => {
    nodes = await QdrantNodes.start(1)
    const named = await ask('PUT', '/collections/one', { vectors: { text: vectors } })
    expect(named.status).toBe(501)
    expect(named.text).toContain('named vectors')
    expect((await ask('POST', '/collections/one/snapshots', {})).status).toBe(501)
  })

  it('tells what is wrong with a body in the words of Qdrant', async () => {
    nodes = await QdrantNodes.start(1)
    await ask('PUT', '/collections/one', { vectors, shard_number: 1 })
    const errorOf = async (body: unknown, path = '/collections/one/points/query') =>
      ((await ask('POST', path, body)).body['status'] as unknown as { error: string }).error
    expect(await errorOf('')).toBe('Format error in JSON body: EOF while parsing a value at line 1 column 0')
    expect(await errorOf('{"query":[1,2,3,4],}')).toBe(
      'Format error in JSON body: trailing comma at line 1 column 20',
    )
    expect(await errorOf({ query: [1, 2, 3, 4], limit: 0 })).toBe(
      'Validation error in JSON body: [limit: value 0 invalid, must be 1 or larger]',
    )
    expect(await errorOf({ query: [1, 'x', 3, 4] })).toBe(
      'Format error in JSON body: invalid type: string "x", expected f32',
    )
    expect(await errorOf({ vector: [1, 2, 3, 4] }, '/collections/one/points/search')).toBe(
      'Format error in JSON body: missing field `limit`',
    )
    const plain = await fetch(`${nodes.url(0)}/collections/one/points/query`, { method: 'POST', body: '{}' })
    expect(await plain.json()).toEqual({ status: { error: 'Content type error' }, time: 0 })
  })
})
