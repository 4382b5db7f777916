/** The job that makes the collection, as `ragscale-serve collection` against emulated nodes that are processes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fileURLToPath } from 'node:url'
import { QdrantNodes } from './qdrant-nodes.ts'

const main = fileURLToPath(new URL('../../src/services/collection/main.ts', import.meta.url))
const docs = {
  name: 'docs',
  dimensions: 4,
  distance: 'Cosine',
  points: 1_000,
  shards: 6,
  replication: 2,
  writeConsistency: 1,
  quantization: 'none',
}

let folder: string
let nodes: QdrantNodes | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-collection-'))
})

afterEach(async () => {
  await nodes?.stop()
  nodes = undefined
  await rm(folder, { recursive: true, force: true })
})

/** Runs the job as a container would: by a file that the environment names. */
async function run(config: Record<string, unknown>, env: Record<string, string> = {}) {
  const file = join(folder, 'config.json')
  await writeFile(file, JSON.stringify(config))
  return await execa(process.execPath, [main], {
    reject: false,
    extendEnv: false,
    env: { PATH: process.env['PATH'] ?? '', ...env, RAGSCALE_CONFIG: file },
  })
}

const vector = { url: '${QDRANT_URL}' }

async function shape(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/collections/docs`)
  const body = (await response.json()) as { result: { config: { params: Record<string, unknown> } } }
  return body.result.config.params
}

describe('on an empty cluster', () => {
  test('it makes the collection by the shard plan, and a second run changes nothing', async () => {
    nodes = await QdrantNodes.start(3)
    const config = { vector, nodes: 3, collection: docs, waitSeconds: 20 }
    const first = await run(config, { QDRANT_URL: nodes.url(0) })
    expect(first.stdout).toBe('collection docs: 6 shards × 2 copies on 3 nodes, created')
    expect(first.exitCode).toBe(0)
    expect(await shape(nodes.url(1))).toMatchObject({ shard_number: 6, replication_factor: 2 })
    const second = await run(config, { QDRANT_URL: nodes.url(2) })
    expect([second.exitCode, second.stdout, second.stderr]).toEqual([
      0,
      'collection docs: 6 shards × 2 copies on 3 nodes, exists as wanted',
      '',
    ])
  })

  test('two at once make one collection', async () => {
    nodes = await QdrantNodes.start(3)
    const config = { vector, nodes: 3, collection: docs, waitSeconds: 20 }
    const both = await Promise.all([0, 1].map((node) => run(config, { QDRANT_URL: nodes!.url(node) })))
    expect(both.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ])
  })

  test('it waits for nodes that come late', async () => {
    nodes = await QdrantNodes.start(3)
    await nodes.kill(0)
    const running = run({ vector, nodes: 3, collection: docs, waitSeconds: 30 }, { QDRANT_URL: nodes.url(0) })
    await nodes.startNode(0)
    expect((await running).stdout).toContain('created')
  })

  test('it makes nothing while a node is missing, and says which number is', async () => {
    nodes = await QdrantNodes.start(1)
    const result = await run(
      { vector, nodes: 2, collection: { ...docs, shards: 2 }, waitSeconds: 1 },
      { QDRANT_URL: nodes.url(0) },
    )
    expect(result.exitCode).toBe(1)
    expect(result.stderr).toContain('has 1 of 2 nodes, after 1 s of waiting. See the logs of its nodes')
    expect((await fetch(`${nodes.url(0)}/collections/docs`)).status).toBe(404)
  })

  test('it refuses more copies than nodes before it asks anybody', async () => {
    const result = await run({ vector, nodes: 1, collection: docs }, { QDRANT_URL: 'http://127.0.0.1:1' })
    expect(result.exitCode).toBe(1)
    expect(result.stderr).toContain('wants 2 copies of each shard on 1 nodes')
  })

  test('a key comes from the file that a variable names, and a wrong one is told at once', async () => {
    const right = join(folder, 'right')
    const wrong = join(folder, 'wrong')
    await writeFile(right, 'a key\n')
    await writeFile(wrong, 'another')
    process.env['TEST_QDRANT_KEY'] = 'a key'
    nodes = await QdrantNodes.start(1, { apiKeyEnv: 'TEST_QDRANT_KEY' })
    delete process.env['TEST_QDRANT_KEY']
    const config = {
      vector: { ...vector, apiKeyEnv: 'QDRANT_API_KEY' },
      nodes: 1,
      collection: { ...docs, shards: 1, replication: 1 },
      waitSeconds: 20,
    }
    const env = { QDRANT_URL: nodes.url(0) }
    const refused = await run(config, { ...env, QDRANT_API_KEY_FILE: wrong })
    expect(refused.exitCode).toBe(1)
    expect(refused.stderr).toContain('refuses the key')
    const accepted = await run(config, { ...env, QDRANT_API_KEY_FILE: right })
    expect(accepted.stdout).toContain('created')
  })
})

describe('on a collection that exists', () => {
  async function existing(params: Record<string, unknown>): Promise<string> {
    nodes = await QdrantNodes.start(1)
    await fetch(`${nodes.url(0)}/collections/docs`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(params),
    })
    return nodes.url(0)
  }

  test('other dimensions, or another distance, are an error with the cure', async () => {
    const url = await existing({ vectors: { size: 8, distance: 'Dot' } })
    const config = (dimensions: number) => ({
      vector,
      nodes: 1,
      collection: { ...docs, dimensions, shards: 1, replication: 1 },
    })
    const dimensions = await run(config(4), { QDRANT_URL: url })
    expect([dimensions.exitCode, dimensions.stderr]).toEqual([
      1,
      expect.stringContaining('holds vectors of 8 dimensions, and 4 are wanted. Name another collection'),
    ])
    const distance = await run(config(8), { QDRANT_URL: url })
    expect([distance.exitCode, distance.stderr]).toEqual([
      1,
      expect.stringContaining('compares vectors by Dot, and Cosine is wanted. Set tiers.vector.collection'),
    ])
  })

  test('other shards are a warning that names the command which changes them', async () => {
    const url = await existing({ vectors: { size: 4, distance: 'Cosine' }, shard_number: 2 })
    const result = await run(
      { vector, nodes: 1, collection: { ...docs, replication: 1 } },
      { QDRANT_URL: url },
    )
    expect(result.exitCode).toBe(0)
    expect(result.stderr).toContain('has shards 2, and 6 is wanted: ragscale vector plan')
    expect(result.stdout).toBe('collection docs: 2 shards × 1 copy on 1 node, exists')
  })
})
