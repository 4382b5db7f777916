import { describe, expect, test } from 'vitest'
import { hashOf } from '../../../src/stack/hash.ts'
import { readStack } from '../../../src/stack/load.ts'

function hash(text: string, file = '/rag/ragscale.yaml'): string {
  const { stack } = readStack(text, file)
  if (stack === null) throw new Error('the test has a broken stack')
  return hashOf(stack)
}

const local = 'tiers: { embed: { model: BAAI/bge-base-en-v1.5, replicas: 2 } }\n'
const external = 'target: external\nendpoints: { embed: { url: http://a, apiKeyEnv: KEY, caFile: a.pem } }\n'

describe('a stack’s hash', () => {
  test('is the same wherever the file lies, however it is written, whatever is asked of the stack', () => {
    expect(hash(local)).toMatch(/^[0-9a-f]{16}$/)
    expect(hash(local, '/elsewhere/other.yaml')).toBe(hash(local))
    expect(hash('tiers:\n  embed:\n    replicas: 2\n    model: BAAI/bge-base-en-v1.5\n')).toBe(hash(local))
    expect(
      hash(`${local}name: other\nworkload: { rate: 99/s, queries: a.txt }\nslo: { embed: { p99: 1s } }\n`),
    ).toBe(hash(local))
  })

  test('differs when something else serves', () => {
    const others = [
      local.replace('replicas: 2', 'replicas: 3'),
      local.replace('replicas: 2', 'replicas: 2, gpu: L4'),
      `${local}balancer: { policy: random }`,
      external,
      external.replace('http://a', 'http://b'),
    ]
    expect(new Set([local, ...others].map((text) => hash(text))).size).toBe(6)
  })

  test('knows nothing of secrets’ names and paths', () => {
    expect(hash(external.replace('KEY', 'OTHER').replace('a.pem', 'b.pem'))).toBe(hash(external))
  })
})
