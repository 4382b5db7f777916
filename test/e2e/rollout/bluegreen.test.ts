/** Blue-green on the local target, by the real command: its load test decides, so this wants the machine for itself. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { askingUsers } from './asking.ts'
import { type RolledOut, asItWas, rolledOut, yaml } from './rolled-out.ts'

/** So slow that no generator is too late for it. */
const slow = yaml.replace('mean: 80ms', 'mean: 500ms').replace('rate: 30/s', 'rate: 10/s')
const faster = 'emulate.mean=400ms'
const refusing = 'emulate={ model: fifo, law: fixed, mean: 500ms, servers: 1, queueLimit: 1 }'

let stack: RolledOut
beforeEach(async () => {
  stack = await rolledOut(slow)
})
afterEach(async () => await stack.remove())

describe('blue-green on the local target', () => {
  it('switches at once after its own load test, keeps the version before, and ends it when told', async () => {
    const users = askingUsers(await stack.url(), 4)
    const kept = await stack.rollout(
      'bluegreen',
      'embed',
      '--set',
      faster,
      '--duration',
      '10s',
      '--soak',
      '2s',
      '--keep',
    )
    expect(kept, kept.err).toMatchObject({ exitCode: 0, phase: 'kept' })
    expect(await stack.names()).toEqual([...asItWas, 'embed-next-1', 'embed-next-2'])
    expect(await stack.file()).toBe(slow)
    expect(await stack.rollout('resume')).toMatchObject({ exitCode: 0, outcome: 'promoted' })
    expect([...(await users.stop()).keys()]).toEqual([200])
    expect(await stack.names()).toEqual(asItWas)
    expect(await stack.file()).toContain('mean: 400ms')
  })

  it('never switches to a version whose load test breaks an SLO', async () => {
    const users = askingUsers(await stack.url(), 4)
    const { exitCode, outcome, run, err } = await stack.rollout(
      'bluegreen',
      'embed',
      '--set',
      refusing,
      '--duration',
      '10s',
    )
    expect(outcome, err).toBe('rolled back: worse')
    expect(exitCode).toBe(5)
    expect(run).not.toBeNull()
    expect([...(await users.stop()).keys()]).toEqual([200])
    expect(await stack.names()).toEqual(asItWas)
  })
})
