/**
 * Canaries on the local target, by the real command under real load. What is asserted is what was decided and that no
 * request was lost; the versions differ so much that no machine is too busy to tell. Longer ones: canary.test.ts.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../local/stack-on-disk.ts'
import { askingUsers } from './asking.ts'
import { type RolledOut, asItWas, faster, quick, rolledOut, yaml } from './rolled-out.ts'

/** One request at a time of thirty a second, and none may wait. */
const refusing = 'emulate={ model: fifo, law: fixed, mean: 80ms, servers: 1, queueLimit: 1 }'

let stack: RolledOut
beforeEach(async () => {
  stack = await rolledOut(yaml)
})
afterEach(async () => await stack.remove())

describe('a canary on the local target', () => {
  it('goes to all requests step by step when it is as good, without a lost request', async () => {
    const users = askingUsers(await stack.url(), 4)
    const { exitCode, outcome, records, err } = await stack.rollout(
      'canary',
      'embed',
      '--set',
      faster,
      ...quick,
    )
    const statuses = await users.stop()
    expect(records, err).toMatchObject([
      { share: 50, verdict: 'as good' },
      { share: 100, verdict: 'as good' },
    ])
    expect([exitCode, outcome]).toEqual([0, 'promoted'])
    expect([...statuses.keys()]).toEqual([200])
    expect(await stack.names()).toEqual(asItWas)
    expect(await stack.file()).toBe(yaml.replace('mean: 80ms', 'mean: 60ms'))
    // What runs is what the file says: there is nothing left for up to do.
    const up = await stack.ragscale('--json', 'up', '--dry-run')
    expect(JSON.parse(up.out)).toMatchObject({ steps: [] })
  })

  it('is rolled back by itself when requests fail, and after that none do', async () => {
    const { exitCode, outcome, because, err } = await stack.rollout(
      'canary',
      'embed',
      '--set',
      refusing,
      ...quick,
    )
    expect(outcome, err).toBe('rolled back: worse')
    expect(exitCode).toBe(5)
    expect(because).toContain('errors')
    const users = askingUsers(await stack.url(), 2)
    await until(async () => (await stack.names()).length === 3)
    expect([...(await users.stop()).keys()]).toEqual([200])
  })

  it('is rolled back on Ctrl-C, and says so', async () => {
    const { process, ended } = stack.start('rollout', 'canary', 'embed', '--set', faster, ...quick)
    await until(async () => (await stack.names()).includes('embed-next-1'))
    process.kill('SIGINT')
    const { exitCode, err } = await ended
    expect(exitCode, err).toBe(130)
    expect(err).toContain('rolled back')
    expect(await stack.names()).toEqual(asItWas)
    expect(await stack.phase()).toBe('ended')
  })

  it('is rolled back on Ctrl-C in the middle of its measurement', async () => {
    const { process, ended } = stack.start('rollout', 'canary', 'embed', '--set', faster, ...quick)
    const measuring = join(stack.folder, '.ragscale', 'rollout', 'next', 'load.ndjson')
    await until(() => existsSync(measuring))
    process.kill('SIGINT')
    const { exitCode, err } = await ended
    expect(exitCode, err).toBe(130)
    expect(err).toContain('rolled back')
    expect(await stack.names()).toEqual(asItWas)
    // Nothing of the measurement is left: not its questions, not its lock.
    expect(existsSync(join(stack.folder, '.ragscale', 'rollout'))).toBe(false)
    expect(existsSync(join(stack.folder, '.ragscale', 'loadtest.lock'))).toBe(false)
  })

  it('that was killed is taken back by abort', async () => {
    const { process, ended } = stack.start('rollout', 'canary', 'embed', '--set', faster, ...quick)
    await until(async () => (await stack.names()).includes('embed-next-1'))
    process.kill('SIGKILL')
    await ended
    expect(await stack.rollout('abort')).toMatchObject({ exitCode: 0, outcome: 'rolled back' })
    expect(await stack.names()).toEqual(asItWas)
  })
})
