import { describe, expect, test } from 'vitest'
import { ExitCode, UserError } from '../../../src/errors.ts'
import { type ChangeEnd, endOfChange } from '../../../src/loop/still-unhealthy.ts'
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

const endOf = (replicas: readonly ReplicaState[], options: Partial<ChangeEnd> = {}) =>
  endOfChange({ target: 'local', observed: { replicas }, json: false, ...options })

describe('a change that is made', () => {
  test('ends with 0 when every replica is healthy, and when there is none', () => {
    expect(endOf([replica('embed-1', 'healthy')])).toBe(ExitCode.ok)
    expect(endOf([])).toBe(ExitCode.ok)
  })

  test('ends with 4, names each replica that is not healthy, and says what to run', () => {
    const replicas = [
      replica('gateway-1', 'healthy'),
      replica('embed-1', 'restarting', 'ended with 137'),
      replica('vector-2', 'starting'),
    ]
    const ends = () => endOf(replicas)
    expect(ends).toThrow(UserError)
    expect(ends).toThrow(
      expect.objectContaining({
        message: 'embed-1 is restarting: ended with 137\nvector-2 is starting',
        hint: expect.stringMatching(/^ragscale logs embed .*ragscale status/) as unknown,
        exitCode: ExitCode.unhealthy,
      }),
    )
  })

  test('sends nobody to logs that somebody else keeps', () => {
    expect(() => endOf([replica('embed-1', 'failing')], { target: 'external' })).toThrow(
      expect.objectContaining({ hint: 'ragscale status   shows how all are by now' }),
    )
  })

  test('leaves it to a result in JSON to say which', () => {
    expect(endOf([replica('embed-1', 'failing')], { json: true })).toBe(ExitCode.unhealthy)
  })
})
