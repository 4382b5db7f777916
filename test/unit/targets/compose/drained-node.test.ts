import { expect, it } from 'vitest'
import { planUp } from '../../../../src/targets/compose/plan.ts'
import { asWanted, observed, service } from './found-stack.ts'

it('stops a vector node that was drained before anything asks the cluster, and removes what it stored', () => {
  const nodes = [1, 2, 3].map((number) =>
    service(`vector-${number}`, { number, workload: 'vector', tier: 'vector' }),
  )
  const collection = service('collection', { tier: 'vector', job: true })
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
