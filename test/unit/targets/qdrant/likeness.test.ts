import { MockAgent } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { VectorExecution } from '../../../../src/targets/qdrant/asking.ts'
import { executeStep } from '../../../../src/targets/qdrant/execute.ts'

const said = { what: 'do it', because: 'asked' }

/** As Qdrant shows one that was given more than its defaults. */
const config = {
  params: {
    vectors: { size: 4, distance: 'Dot' },
    shard_number: 3,
    replication_factor: 2,
    read_fan_out_factor: 1,
  },
  hnsw_config: { m: 32, max_indexing_threads: 0, payload_m: null },
  optimizer_config: { deleted_threshold: 0.2, max_segment_size: null },
  wal_config: { wal_capacity_mb: 64, wal_segments_ahead: 1 },
  quantization_config: null,
  strict_mode_config: { enabled: true, upsert_max_batchsize: 100, max_timeout: null },
  metadata: { owner: 'search', reviewed: null },
}

describe('a collection that is to take the place of another one', () => {
  let agent: MockAgent
  let asked: { method: string; path: string; body: unknown }[]
  beforeEach(() => {
    agent = new MockAgent()
    agent.disableNetConnect()
    asked = []
  })
  afterEach(async () => await agent.close())

  /** A node with both, and how many points each of them has. */
  function runOn(points: Readonly<Record<string, number>>): VectorExecution {
    const url = 'http://vector-1:6333'
    const pool = agent.get(url)
    pool
      .intercept({ path: '/collections/docs' })
      .reply(200, {
        result: { config, payload_schema: { source: { data_type: 'keyword' } } },
      })
      .persist()
    for (const method of ['PUT', 'PATCH', 'POST']) {
      pool
        .intercept({ path: () => true, method })
        .reply(200, ({ path, body }) => {
          const collection = path.split('/')[2]!
          if (path.endsWith('/count')) return { result: { count: points[collection] } }
          asked.push({ method, path, body: JSON.parse(body as string) as unknown })
          return { result: true }
        })
        .persist()
    }
    return {
      nodes: [{ name: 'vector-1', url, peerUrl: null, dispatcher: agent }],
      timeoutMs: 1000,
      throttle: null,
      signal: new AbortController().signal,
      onCopy: () => {},
      onNotice: () => {},
      nameOf: (peer) => peer,
      down: async () => new Set(),
    }
  }

  it('is made with everything of it but the count of shards, and the limits that a copy might break', async () => {
    await executeStep({ ...said, kind: 'create-like', from: 'docs', to: 'docs--6', shards: 6 }, runOn({}))
    expect(asked).toEqual([
      {
        method: 'PUT',
        path: '/collections/docs--6?timeout=60',
        body: {
          vectors: { size: 4, distance: 'Dot' },
          shard_number: 6,
          replication_factor: 2,
          hnsw_config: { m: 32, max_indexing_threads: 0 },
          optimizers_config: { deleted_threshold: 0.2 },
          wal_config: { wal_capacity_mb: 64, wal_segments_ahead: 1 },
          metadata: { owner: 'search', reviewed: null },
        },
      },
      {
        method: 'PATCH',
        path: '/collections/docs--6?timeout=60',
        body: { params: { read_fan_out_factor: 1 } },
      },
      {
        method: 'PUT',
        path: '/collections/docs--6/index?wait=true',
        body: { field_name: 'source', field_schema: 'keyword' },
      },
    ])
  })

  const verify = { ...said, kind: 'verify', from: 'docs', to: 'docs--6' } as const

  it('gets these limits when all of it was copied', async () => {
    await executeStep(verify, runOn({ docs: 700, 'docs--6': 700 }))
    expect(asked.map(({ body }) => body)).toEqual([
      { strict_mode_config: { enabled: true, upsert_max_batchsize: 100 } },
    ])
  })

  it('does not take it where points were written since they were compared', async () => {
    await expect(executeStep(verify, runOn({ docs: 720, 'docs--6': 700 }))).rejects.toMatchObject({
      message: expect.stringContaining('docs holds 720 points by now and docs--6 700'),
      exitCode: 4,
    })
  })
})
