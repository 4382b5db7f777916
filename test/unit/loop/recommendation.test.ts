import { describe, expect, it } from 'vitest'
import { differences } from '../../../src/loop/recommendation.ts'
import type { Run } from '../../../src/recording/run.ts'
import { recordStack } from '../../../src/recording/recorded-stack.ts'
import type { Endpoint, Stack } from '../../../src/stack/stack.ts'
import { stackWith } from '../load/stacks.ts'

const external = (embed: Partial<Endpoint> = {}): Stack =>
  stackWith({
    target: 'external',
    endpoints: { embed: { url: 'http://127.0.0.1:9001', protocol: 'tei', replicas: 1, ...embed } },
  })

/** As far as it is looked at. */
const runOf = (stack: Stack): Run =>
  ({ target: stack.target, stages: ['embed'], stack: recordStack(stack) }) as unknown as Run

describe('a run of endpoints', () => {
  it.each([
    ['http://127.0.0.1:9001/', 'http://127.0.0.1:9001'],
    ['http://127.0.0.1:9001', 'http://127.0.0.1:9001/'],
    ['http://127.0.0.1:9001/v1/', 'http://127.0.0.1:9001/v1'],
    ['http://tei.example:80', 'http://tei.example'],
  ])('is of the same stack when the file said %s and says %s', (then, now) => {
    expect(differences(runOf(external({ url: then })), external({ url: now }))).toEqual([])
  })

  it('is of the same stack when replicas, keys and certificates are others', () => {
    const now = external({ replicas: 3, apiKeyEnv: 'KEY', caFile: '/tls/ca.pem' })
    expect(differences(runOf(external()), now)).toEqual([])
  })

  it('is of another stack when it was another server or model', () => {
    expect(differences(runOf(external()), external({ url: 'http://127.0.0.1:9002' }))).toHaveLength(1)
    expect(differences(runOf(external()), external({ model: 'other' }))).toHaveLength(1)
    expect(differences(runOf(external()), { ...external(), target: 'local' })[0]).toContain('target')
  })
})
