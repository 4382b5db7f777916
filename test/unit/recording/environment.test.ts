import { describe, expect, it } from 'vitest'
import { stackHash } from '../../../src/recording/environment.ts'
import { recordStack } from '../../../src/recording/recorded-stack.ts'
import { stack } from './fixtures.ts'

describe('the stack that a run keeps', () => {
  it('holds no folder of the user and no credential of an endpoint', () => {
    const kept = JSON.stringify(
      recordStack({
        ...stack,
        endpoints: {
          embed: {
            replicas: 1,
            url: 'https://user:hunter2@embed.example/v1?api_key=sesame#token',
            protocol: 'tei',
            keyFile: '/home/somebody/key',
          },
        },
        workload: { ...stack.workload, arrivals: { kind: 'trace', file: '/home/somebody/trace.csv' } },
      }),
    )
    for (const secret of ['hunter2', 'sesame', 'token', '/home/somebody']) expect(kept).not.toContain(secret)
    expect(kept).toContain('https://embed.example/v1')
    expect(kept).toContain('queries.jsonl')
  })

  it('has the same hash wherever its folder is, whatever its limits and its order of keys', () => {
    const moved = {
      ...stack,
      folder: '/elsewhere',
      file: '/elsewhere/ragscale.yaml',
      slo: [],
      tiers: Object.fromEntries(Object.entries(stack.tiers).toReversed()),
    }
    expect(stackHash(moved)).toBe(stackHash(stack))
  })

  it('has another hash when a count or the workload changes', () => {
    const hashes = new Set([
      stackHash(stack),
      stackHash({ ...stack, tiers: { ...stack.tiers, embed: { component: 'tei', replicas: 3 } } }),
      stackHash({ ...stack, workload: { ...stack.workload, topK: 10 } }),
    ])
    expect(hashes.size).toBe(3)
  })
})
