import { describe, expect, test } from 'vitest'
import { ExitCode, UserError } from '../../../src/errors.ts'
import { endOfChange } from '../../../src/loop/still-unhealthy.ts'
import type { ReplicaCondition, ReplicaState } from '../../../src/targets/target.ts'

const replica = (name: string, state: ReplicaCondition, because: string | null = null): ReplicaState => ({
  name,
  tier: name.replace(/-\d+$/, ''),
  replica: '1',
  component: 'tei',
  state,
  because,
  url: null,
  pid: null,
  startedAt: null,
  restarts: 0,
  cpuCores: null,
  memoryBytes: null,
  lastLines: [],
})

describe('a change that is made', () => {
  test('ends with 0 when every replica is healthy, and when there is none', () => {
    expect(endOfChange({ replicas: [replica('embed-1', 'healthy')] }, false)).toBe(ExitCode.ok)
    expect(endOfChange({ replicas: [] }, false)).toBe(ExitCode.ok)
  })

  test('ends with 4, names each replica that is not healthy, and says what to run', () => {
    const replicas = [
      replica('gateway-1', 'healthy'),
      replica('embed-1', 'restarting', 'ended with 137'),
      replica('vector-2', 'starting'),
    ]
    const ends = () => endOfChange({ replicas }, false)
    expect(ends).toThrow(UserError)
    expect(ends).toThrow(
      expect.objectContaining({
        message: 'embed-1 is restarting: ended with 137\nvector-2 is starting',
        hint: expect.stringMatching(/^ragscale logs embed .*ragscale status/) as unknown,
        exitCode: ExitCode.unhealthy,
      }),
    )
  })

  test('leaves it to a result in JSON to say which', () => {
    expect(endOfChange({ replicas: [replica('embed-1', 'failing')] }, true)).toBe(ExitCode.unhealthy)
  })
})
