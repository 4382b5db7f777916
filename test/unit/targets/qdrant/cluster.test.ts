import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { moveShard } from '../../../../src/targets/qdrant/cluster.ts'
import type { Move } from '../../../../src/targets/qdrant/placement.ts'

const move: Move = {
  kind: 'move',
  collection: 'docs',
  shard: 0,
  from: 'one',
  to: 'two',
  because: 'one leaves',
}
const transfer = [{ shard_id: 0 }]

describe('moving a shard', () => {
  let server: Server
  afterEach(() => server.close())

  /** A cluster whose collection is, at each look, as the next of these says; the last goes on. */
  const clusterThatShows = async (looks: { shard_transfers: object[]; on: Record<number, string> }[]) => {
    let look = 0
    let accepted = false
    server = createServer((request, response) => {
      const answer = (result: unknown) => response.end(JSON.stringify({ result }))
      if (request.method === 'POST') {
        accepted = true
        return answer(true)
      }
      if (request.url === '/cluster')
        return answer({ peers: { 1: { uri: 'http://one:6335/' }, 2: { uri: 'http://two:6335/' } } })
      if (request.url === '/collections') return answer({ collections: [{ name: 'docs' }] })
      const { shard_transfers, on } = looks[Math.min(accepted ? look++ : 0, looks.length - 1)]!
      const copies = Object.entries(on).map(([peer, state]) => ({
        shard_id: 0,
        peer_id: Number(peer),
        state,
      }))
      return answer({
        peer_id: 1,
        shard_count: 1,
        local_shards: copies.filter(({ peer_id: peer }) => peer === 1),
        remote_shards: copies.filter(({ peer_id: peer }) => peer !== 1),
        shard_transfers,
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return ['one', 'two'].map((name) => ({ name, url, peerUrl: `http://${name}:6335` }))
  }
  const options = { timeoutMs: Infinity, signal: new AbortController().signal, stillMs: 150 }

  it('ends when the copy is whole at its target and gone from where it was', async () => {
    const nodes = await clusterThatShows([
      { shard_transfers: transfer, on: { 1: 'Active', 2: 'Partial' } },
      { shard_transfers: [], on: { 2: 'Active' } },
    ])
    await expect(moveShard(move, nodes, options)).resolves.toBeUndefined()
  })

  it('does not wait for a transfer that the cluster has given up, and says where the shard is', async () => {
    const nodes = await clusterThatShows([
      { shard_transfers: transfer, on: { 1: 'Active', 2: 'Partial' } },
      { shard_transfers: [], on: { 1: 'Active' } },
    ])
    await expect(moveShard(move, nodes, options)).rejects.toThrow(
      /could not move shard 0 of docs from one to two: the cluster gave the transfer up.*Active on peer 1/,
    )
  })

  it.each([
    ['the shard is being copied', { shard_transfers: transfer, on: { 1: 'Active', 2: 'Active' } }],
    [
      'no other copy of the shard is active (Recovery)',
      { shard_transfers: [], on: { 1: 'Active', 2: 'Recovery' } },
    ],
    ['there is none', { shard_transfers: [], on: { 1: 'Active' } }],
  ])('does not drop a copy that nothing replaces: %s', async (why, look) => {
    const nodes = await clusterThatShows([look])
    const drop: Move = { ...move, kind: 'drop', to: null }
    await expect(moveShard(drop, nodes, options)).rejects.toThrow(why)
  })
})
