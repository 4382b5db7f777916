import { expect, it } from 'vitest'
import { planUp } from '../../../../src/targets/compose/plan.ts'
import { vectorMembers } from '../../../../src/targets/compose/vector-nodes.ts'
import { asWanted, observed, service } from './found-stack.ts'

const nodes = [1, 2, 3].map((number) =>
  service(`vector-${number}`, { number, workload: 'vector', tier: 'vector' }),
)
const collection = service('collection', { tier: 'vector', job: true })

it('stops a vector node that was drained before anything asks the cluster, and removes what it stored', () => {
  const found = observed([...nodes.slice(0, 2), collection], asWanted(nodes), {
    vector: { peers: { 'vector-1': '1', 'vector-2': '2' }, copies: [], arrivals: [], shards: {} },
    volumes: ['handbook_vector-data-3'],
  })
  const steps = planUp(found, 'ragscale.yaml').map(({ what }) => what)
  expect(steps).toEqual([
    'stop vector-3',
    expect.stringContaining('collection'),
    'remove the volume handbook_vector-data-3',
  ])
})

it('keeps a vector node that crashed and was not drained, and all that it stored', () => {
  const containers = asWanted(nodes).map((one) =>
    one.name.includes('vector-3') ? { ...one, status: 'exited' as const } : one,
  )
  const copy = (shard: number, node: string) => ({ collection: 'docs', shard, node, active: true })
  const found = observed([...nodes.slice(0, 2), collection], containers, {
    // Whoever does not answer is not asked who it is.
    vector: {
      peers: { 'vector-1': '1', 'vector-2': '2' },
      copies: [copy(0, 'vector-1'), copy(1, 'vector-2'), copy(2, 'peer 3')],
      arrivals: [],
      shards: { docs: 3 },
    },
    volumes: ['handbook_vector-data-3'],
  })
  expect(() => planUp(found, 'ragscale.yaml')).toThrow(
    /^vector-3 cannot go: shard 2 of docs is on a node that does not answer, which may be this one$/,
  )
})

it('calls nodes that do not run by their names where they are to come back', () => {
  const names = (running: readonly number[]) =>
    vectorMembers(
      asWanted([...nodes, service('gateway')]).map((one) => ({
        ...one,
        status: running.some((n) => one.name.includes(`vector-${n}`)) ? ('running' as const) : 'exited',
      })),
      nodes.slice(0, 2),
    ).map(({ name, peerUrl }) => `${name} ${peerUrl}`)
  expect(names([1])).toEqual(['vector-1 http://vector-1:6335', 'vector-2 http://vector-2:6335'])
  expect(names([1, 2, 3])).toHaveLength(3)
})
