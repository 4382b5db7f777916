/** Canaries on the local target that take a minute each: run before a release, with those in a Docker engine. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../local/stack-on-disk.ts'
import { askingUsers } from './asking.ts'
import { type RolledOut, asItWas, faster, quick, rolledOut, yaml } from './rolled-out.ts'

const slower = 'emulate.mean=480ms'

let stack: RolledOut
beforeEach(async () => {
  stack = await rolledOut(yaml)
})
afterEach(async () => await stack.remove())

describe('a canary on the local target', () => {
  it('is rolled back by itself when it is slower, without a lost request', async () => {
    const users = askingUsers(await stack.url(), 4)
    const { exitCode, outcome, because, err } = await stack.rollout(
      'canary',
      'embed',
      '--set',
      slower,
      ...quick,
    )
    const statuses = await users.stop()
    expect(outcome, err).toBe('rolled back: worse')
    expect(exitCode).toBe(5)
    expect(because).toContain('latency.p50')
    expect([...statuses.keys()]).toEqual([200])
    expect(await stack.names()).toEqual(asItWas)
    expect(await stack.file()).toBe(yaml)
  })

  it('that was killed stays as it is, keeps others off, and is gone on with by the same command', async () => {
    const args = ['canary', 'embed', '--set', faster, ...quick]
    const { process, ended } = stack.start('rollout', ...args)
    await until(async () =>
      (await stack.status()).replicas.some(
        ({ name, state }) => name === 'embed-next-1' && state === 'healthy',
      ),
    )
    process.kill('SIGKILL')
    await ended
    expect(await stack.names()).toContain('embed-next-1')
    const up = await stack.ragscale('up')
    expect(up.exitCode).toBe(2)
    expect(up.err).toContain('ragscale rollout resume')
    const other = await stack.ragscale('rollout', 'canary', 'embed', '--set', slower, ...quick)
    expect(other.exitCode).toBe(2)
    expect(await stack.rollout(...args)).toMatchObject({ exitCode: 0, outcome: 'promoted' })
    expect(await stack.names()).toEqual(asItWas)
  })
})
