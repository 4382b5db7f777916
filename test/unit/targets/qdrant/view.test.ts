import { MockAgent } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NodeAddress } from '../../../../src/targets/qdrant/call.ts'
import { readTopology } from '../../../../src/targets/qdrant/cluster.ts'
import { readCluster, troublesOf } from '../../../../src/targets/qdrant/view.ts'

interface Shown {
  readonly term: number
  readonly commit: number
  /** 0: what Qdrant answers where it knows of none. */
  readonly leader: number
  readonly peers: readonly number[]
}

describe('a Qdrant cluster', () => {
  let agent: MockAgent
  beforeEach(() => {
    agent = new MockAgent()
    agent.disableNetConnect()
  })
  afterEach(async () => await agent.close())

  /** Nodes without a collection, each of which shows the cluster in its own way. */
  function nodesThatShow(...shown: readonly Shown[]): NodeAddress[] {
    return shown.map(({ term, commit, leader, peers }, index) => {
      const url = `http://vector-${index + 1}:6333`
      const pool = agent.get(url)
      const answer = (path: string, result: object): void => {
        pool.intercept({ path }).reply(200, { result }).persist()
      }
      const raft = { term, commit, pending_operations: 0, leader }
      const uris = peers.map((peer) => [peer, { uri: `http://vector-${peer}:6335/` }])
      answer('/cluster', {
        status: 'enabled',
        peer_id: index + 1,
        peers: Object.fromEntries(uris) as object,
        raft_info: raft,
      })
      answer('/collections', { collections: [] })
      answer('/aliases', { aliases: [] })
      pool.intercept({ path: '/metrics' }).reply(200, '').persist()
      const peerUrl = `http://vector-${index + 1}:6335`
      return { name: `vector-${index + 1}`, url, peerUrl, dispatcher: agent }
    })
  }

  const all = [1, 2, 3]

  it('has no leader where its nodes say that they follow node 0', async () => {
    const shown = { term: 7, commit: 40, leader: 0, peers: all }
    const view = await readCluster(nodesThatShow(shown, shown, shown), true)
    expect(view.raft.leader).toBeNull()
    expect(troublesOf(view)).toContain('the cluster has no leader: nothing can be changed')
  })

  // A node that hears nobody stands in one election after another, and each raises its term.
  const leads = { term: 2, commit: 61, leader: 1, peers: [1, 2] }
  const wasTakenOut = { term: 90, commit: 58, leader: 0, peers: all }

  it('is what those show that have agreed on most, not one that was down when it was taken out', async () => {
    const nodes = nodesThatShow(leads, leads, wasTakenOut)
    const { raft, peers } = await readCluster(nodes, true)
    expect(raft).toMatchObject({ term: 2, commit: 61, leader: '1' })
    expect(peers.map(({ name }) => name)).toEqual(['vector-1', 'vector-2'])
    expect(Object.keys((await readTopology(nodes)).peers)).toEqual(['vector-1', 'vector-2'])
  })

  it('has the leader that the others have, where one that knows as much was cut off from them', async () => {
    const cutOff = { ...leads, term: 90, leader: 0 }
    const { raft } = await readCluster(nodesThatShow(cutOff, leads), true)
    expect(raft.leader).toBe('1')
  })
})
