import { MockAgent } from 'undici'
import { expect, test } from 'vitest'
import { publishedUrls } from '../../../../src/targets/swarm/published.ts'
import { readShards } from '../../../../src/targets/swarm/vector-nodes.ts'
import { model, node, running, task } from './swarms.ts'

const swarm = running(model())
const one = swarm.services.find(({ name }) => name === 'vector-1')!
const spread = {
  ...swarm,
  services: [...swarm.services, ...[2, 3].map((n) => ({ ...one, id: `v${n}`, name: `vector-${n}` }))],
}

test('who holds which shard is told by the names of nodes that run elsewhere in the swarm, too', async () => {
  const agent = new MockAgent()
  agent.disableNetConnect()
  const pool = agent.get('http://172.18.0.3:6333')
  const answer = (path: string, result: object) => pool.intercept({ path }).reply(200, { result }).persist()
  answer('/cluster', {
    status: 'enabled',
    peer_id: 11,
    peers: Object.fromEntries([1, 2, 3].map((n) => [10 + n, { uri: `http://vector-${n}:6335/` }])) as object,
    raft_info: { term: 1, commit: 9 },
  })
  answer('/collections', { collections: [{ name: 'docs' }] })
  answer('/collections/docs/cluster', {
    peer_id: 11,
    shard_count: 2,
    local_shards: [{ shard_id: 0, state: 'Active' }],
    remote_shards: [{ shard_id: 1, peer_id: 13, state: 'Active' }],
    shard_transfers: [],
  })
  const here = {
    name: 'vector-1',
    url: 'http://172.18.0.3:6333',
    peerUrl: 'http://vector-1:6335',
    dispatcher: agent,
  }
  const found = await readShards(spread, [here])
  expect(found?.peers).toEqual({ 'vector-1': '11', 'vector-2': '12', 'vector-3': '13' })
  expect(found?.copies.map(({ shard, node: holder }) => `${shard} ${holder}`)).toEqual([
    '0 vector-1',
    '1 vector-3',
  ])
  await agent.close()
})

test('where no node can be asked nobody can tell', async () => {
  expect(await readShards(spread, [])).toBeNull()
})

test('a tier is called at every node that runs a balancer and publishes its port', () => {
  const balancer = { ...one, id: 'b', name: 'balancer', ports: { 8080: 80, 8082: 8082 } }
  const nodes = [node('node-1'), { ...node('node-2'), address: '10.0.0.2' }]
  const tasks = [task(balancer, 1), task(balancer, 2, { node: 'node-2' })]
  expect(publishedUrls({ ...swarm, nodes, services: [balancer], tasks }, '127.0.0.1')).toEqual({
    pipeline: ['http://127.0.0.1:80', 'http://10.0.0.2:80'],
    vector: ['http://127.0.0.1:8082', 'http://10.0.0.2:8082'],
  })
  expect(publishedUrls({ ...swarm, nodes, services: [balancer], tasks: [] }, '127.0.0.1')).toEqual({})
})
