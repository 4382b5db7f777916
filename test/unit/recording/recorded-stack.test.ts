import { expect, test } from 'vitest'
import { recordStack, recordedStack } from '../../../src/recording/recorded-stack.ts'
import { readStack } from '../../../src/stack/load.ts'

const { stack } = readStack(
  'tiers: { embed: { model: BAAI/bge-base-en-v1.5 }, vector: { nodes: 2, collection: { replication: 2 } } }',
  '/rag/ragscale.yaml',
)
const recorded = recordStack(stack!)

test('a recorded stack is read as it was written', () => {
  expect(recordedStack.parse(JSON.parse(JSON.stringify(recorded)))).toEqual(recorded)
})

test('one of before there were rehearsals, support tiers, several balancers and write consistency is read with what it then was', () => {
  const { rehearse: _rehearse, support: _support, ...older } = recorded
  const { replicas: _replicas, ...balancer } = older.balancer
  const { writeConsistency: _consistency, ...collection } = older.tiers.vector!.collection
  const tiers = { ...older.tiers, vector: { ...older.tiers.vector, collection } }
  expect(recordedStack.parse({ ...older, balancer, tiers })).toEqual(recorded)
})

test('what is no stack is refused', () => {
  for (const value of [null, {}, { ...recorded, tiers: { embed: 3 } }])
    expect(recordedStack.safeParse(value).success).toBe(false)
})
