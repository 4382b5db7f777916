import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type StackOnDisk, stackOnDisk } from './local/stack-on-disk.ts'

let stack: StackOnDisk

afterEach(async () => {
  await stack.remove()
})

const nodes = (count: number, replication = 1): string => `name: vectors
target: local
tiers:
  vector: { nodes: ${count}, collection: { name: docs, dimensions: 4, shards: 6, replication: ${replication} } }
`
const points = 200

const vectorUrl = async () => (await stack.status()).endpoints['vector']![0]!

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await fetch((await vectorUrl()) + path, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as { result: T }
  expect(response.status, JSON.stringify(answer)).toBe(200)
  return answer.result
}

async function fill(): Promise<void> {
  await call('PUT', '/collections/docs', {
    vectors: { size: 4, distance: 'Cosine' },
    shard_number: 6,
    replication_factor: 1,
  })
  await call('PUT', '/collections/docs/points?wait=true', {
    points: Array.from({ length: points }, (_, id) => ({ id, vector: [1, id, 2, 3] })),
  })
}

async function held(): Promise<{ points: number; peers: number; copies: number }> {
  const { count } = await call<{ count: number }>('POST', '/collections/docs/points/count', { exact: true })
  const { peers } = await call<{ peers: object }>('GET', '/cluster')
  const shards = await call<{ local_shards: object[]; remote_shards: object[] }>(
    'GET',
    '/collections/docs/cluster',
  )
  return {
    points: count,
    peers: Object.keys(peers).length,
    copies: shards.local_shards.length + shards.remote_shards.length,
  }
}

const stored = () => readdirSync(join(stack.folder, '.ragscale', 'local', 'data'))

describe('a cluster of vector nodes', () => {
  it('keeps every point while nodes come and go, and spreads the shards over them', async () => {
    stack = await stackOnDisk(nodes(2))
    expect((await stack.ragscale('up')).exitCode).toBe(0)
    await fill()
    const more = await stack.ragscale('scale', 'vector=3')
    expect(more.exitCode).toBe(0)
    expect(more.err.match(/done: move shard/g)).toHaveLength(2)
    expect(await held()).toEqual({ points, peers: 3, copies: 6 })
    const fewer = await stack.ragscale('scale', 'vector=1')
    expect(fewer.exitCode).toBe(0)
    expect(await held()).toEqual({ points, peers: 1, copies: 6 })
    expect(stored()).toEqual(['vector-1'])
  })

  it('makes the copies that the file asks for later', async () => {
    stack = await stackOnDisk(nodes(2))
    await stack.ragscale('up')
    await fill()
    await stack.write(nodes(2, 2))
    expect((await stack.ragscale('up')).exitCode).toBe(0)
    expect(await held()).toEqual({ points, peers: 2, copies: 12 })
  })

  it('is there again after down and up, and gives up a node that the file lost meanwhile only when it is empty', async () => {
    stack = await stackOnDisk(nodes(3))
    await stack.ragscale('up')
    await fill()
    expect((await stack.ragscale('down')).out).toContain('kept: ')
    await stack.write(nodes(2))
    const up = await stack.ragscale('up')
    expect(up.exitCode).toBe(0)
    expect(up.err).toMatch(/vector-3 +healthy/)
    expect(up.err).toContain('vector-3  stopped')
    expect(await held()).toEqual({ points, peers: 2, copies: 6 })
    expect(stored()).toEqual(['vector-1', 'vector-2'])

    expect((await stack.ragscale('down', '--volumes', '--yes')).exitCode).toBe(0)
    expect(readdirSync(stack.folder)).toEqual(['ragscale.yaml'])
  })
})
