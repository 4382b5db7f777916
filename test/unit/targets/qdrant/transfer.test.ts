import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { removePeer } from '../../../../src/targets/qdrant/cluster.ts'
import type { Move } from '../../../../src/targets/qdrant/placement.ts'
import { moveShard } from '../../../../src/targets/qdrant/transfer.ts'

const move: Move = {
  kind: 'move',
  collection: 'docs',
  shard: 0,
  from: 'one',
  to: 'two',
  because: 'one leaves',
}
const transfer = [{ shard_id: 0, from: 1, to: 2, sync: false }]

describe('moving a shard', () => {
  let server: Server
  afterEach(() => server.close())

  interface Look {
    readonly shard_transfers: readonly object[]
    readonly on: Readonly<Record<number, string>>
  }
  let posted: number
  let removed: number

  /**
   * A cluster whose collection is, at each look, as the next of these says; the last goes on. `before`: until it was
   * asked for a move, of which it refuses the first `refusals` as one that chooses a leader does.
   */
  const clusterThatShows = async (looks: Look[], before: Look[] = looks.slice(0, 1), refusals = 0) => {
    const at = { before: 0, after: 0 }
    let accepted = false
    ;[posted, removed] = [0, 0]
    server = createServer((request, response) => {
      const answer = (result: unknown) => response.end(JSON.stringify({ result }))
      if (request.method === 'DELETE') {
        removed++
        return answer(true)
      }
      if (request.method === 'POST') {
        if (posted++ < refusals) {
          response.statusCode = 500
          return answer(null)
        }
        accepted = true
        return answer(true)
      }
      if (request.url === '/cluster')
        return answer({ peers: { 1: { uri: 'http://one:6335/' }, 2: { uri: 'http://two:6335/' } } })
      if (request.url === '/collections') return answer({ collections: [{ name: 'docs' }] })
      const shown = accepted ? looks : before
      const { shard_transfers, on } = shown[Math.min(accepted ? at.after++ : at.before++, shown.length - 1)]!
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
  const atOne = { shard_transfers: [], on: { 1: 'Active' } }
  const onItsWay = { shard_transfers: transfer, on: { 1: 'Active', 2: 'Partial' } }
  const atTwo = { shard_transfers: [], on: { 2: 'Active' } }

  it('ends when the copy is whole at its target and gone from where it was', async () => {
    const nodes = await clusterThatShows([onItsWay, atTwo], [atOne])
    await expect(moveShard(move, nodes, options)).resolves.toBeUndefined()
  })

  it('does not wait for a transfer that the cluster has given up, and says where the shard is', async () => {
    const nodes = await clusterThatShows([onItsWay, atOne], [atOne])
    await expect(moveShard(move, nodes, options)).rejects.toThrow(
      /could not move shard 0 of docs from one to two: the cluster gave the transfer up.*Active on one/,
    )
  })

  it.each([
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

  it('does not drop a copy where the other one is on a node that is gone, whatever the cluster calls it', async () => {
    const nodes = await clusterThatShows([{ shard_transfers: [], on: { 1: 'Active', 2: 'Active' } }])
    const drop: Move = { ...move, kind: 'drop', to: null }
    const lost = { ...options, down: async () => new Set(['2']) }
    await expect(moveShard(drop, nodes, lost)).rejects.toMatchObject({
      message: expect.stringContaining('is active (Active on two, which does not answer)'),
      hint: expect.stringMatching(/^Once two runs again/),
    })
    expect(posted).toBe(0)
  })

  it('waits for a transfer of the shard that is under way already before it asks for its own', async () => {
    const nodes = await clusterThatShows([onItsWay, atTwo], [onItsWay, onItsWay, atOne])
    const notices: string[] = []
    await moveShard(move, nodes, { ...options, onNotice: (text) => notices.push(text) })
    expect([posted, notices]).toEqual([1, ['shard 0 of docs is on its way already: waiting for it']])
  })

  it('drops a copy only once the one that is on its way is whole', async () => {
    const both = { shard_transfers: [], on: { 1: 'Active', 2: 'Active' } }
    const nodes = await clusterThatShows([atTwo], [onItsWay, onItsWay, both])
    await moveShard({ ...move, kind: 'drop', to: null }, nodes, options)
    expect(posted).toBe(1)
  })

  it('asks again while the cluster chooses a leader, and only once where an answer was lost', async () => {
    const chosen = await clusterThatShows([onItsWay, atTwo], [atOne], 2)
    await moveShard(move, chosen, options)
    expect(posted).toBe(3)
    server.close()
    // The first one was taken up, and its answer lost.
    const begun = await clusterThatShows([atTwo], [atOne, onItsWay, atTwo], 1)
    await moveShard(move, begun, options)
    expect(posted).toBe(1)
  })

  it('names the node that stays away, and whether the shard can be searched meanwhile', async () => {
    const nodes = await clusterThatShows([onItsWay], [atOne])
    const notices: string[] = []
    const lost = (peer: string) => ({
      ...options,
      silentMs: 100,
      down: async () => new Set([peer]),
      onNotice: (text: string) => notices.push(text),
    })
    await expect(moveShard(move, nodes, lost('2'))).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(/two has not answered for \d+ s$/),
      hint: expect.stringMatching(/^Once two runs again \(ragscale up\), the same command goes on/),
    })
    expect(notices).toEqual([
      'two does not answer: waiting for it, or for the cluster to give the transfer up',
    ])
    const source = await clusterThatShows([onItsWay], [atOne])
    await expect(moveShard(move, source, lost('1'))).rejects.toThrow(
      /one has not answered for \d+ s; until then no copy of the shard can be searched/,
    )
  })

  it('says who was away where the cluster gave a transfer up for that, though it is back by now', async () => {
    const nodes = await clusterThatShows([...Array.from({ length: 10 }, () => onItsWay), atOne], [atOne])
    const answers = [new Set(['2'])]
    const away = { ...options, silentMs: 400, down: async () => answers.shift() ?? new Set<string>() }
    await expect(moveShard(move, nodes, away)).rejects.toThrow(
      'the cluster gave the transfer up: two did not answer for a while (the shard is Active on one)',
    )
  })

  it('takes a node out of the cluster only once nothing comes from it any more', async () => {
    const nodes = await clusterThatShows([atTwo], [onItsWay, onItsWay, atTwo])
    await removePeer('one', nodes, options)
    expect(removed).toBe(1)
  })
})
