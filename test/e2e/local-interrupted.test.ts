import { existsSync, readdirSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type StackOnDisk,
  allGone,
  embed,
  embedOnly,
  pidsOf,
  stackOnDisk,
  until,
} from './local/stack-on-disk.ts'

let stack: StackOnDisk

afterEach(async () => {
  await stack.remove()
})

const countOfReplicas = async () => (await stack.status()).replicas.length

describe('an up that is interrupted', () => {
  it('leaves nothing of a stack that it was the first to start', async () => {
    stack = await stackOnDisk(embedOnly(4))
    const up = stack.start('up')
    await until(() => existsSync(stack.stateFile), 2)
    const pids = await pidsOf(stack)
    up.process.kill('SIGINT')
    const { exitCode, err } = await up.ended
    expect(exitCode).toBe(130)
    expect(err).toContain('Nothing of the stack is left running.')
    await allGone(pids)
    expect(readdirSync(stack.folder)).toEqual(['ragscale.yaml'])
  })

  it('leaves nothing either when it is killed, and the next one begins anew', async () => {
    stack = await stackOnDisk(embedOnly(4))
    const up = stack.start('up')
    await until(() => existsSync(stack.stateFile), 2)
    const pids = await pidsOf(stack)
    up.process.kill('SIGKILL')
    await allGone(pids)
    expect(await stack.ragscale('up')).toMatchObject({ exitCode: 0 })
    expect(await countOfReplicas()).toBe(5)
  })

  it('leaves a stack that ran before running, and says how far it came', async () => {
    stack = await stackOnDisk(embedOnly(1))
    await stack.ragscale('up')
    const url = (await stack.status()).endpoints['embed']![0]!
    await stack.write(embedOnly(6))
    const up = stack.start('up')
    await until(async () => (await countOfReplicas()) > 2, 2)
    up.process.kill('SIGINT')
    const { exitCode, err } = await up.ended
    expect(exitCode).toBe(130)
    expect(err).toMatch(/goes on running as far as it was changed; .*not finished: start embed-2/)
    expect(await embed(url)).toBe(200)
    expect((await stack.ragscale('up')).exitCode).toBe(0)
    expect(await countOfReplicas()).toBe(7)
  })
})

describe('a supervisor that is killed', () => {
  it('takes its processes with it; status says so and up starts again', async () => {
    stack = await stackOnDisk(embedOnly(2))
    await stack.ragscale('up')
    const pids = await pidsOf(stack)
    process.kill(stack.supervisorPid(), 'SIGKILL')
    await allGone(pids)
    const status = await stack.ragscale('status')
    expect(status.exitCode).toBe(4)
    expect(status.out).toContain('its supervisor was killed')
    const up = await stack.ragscale('up')
    expect(up.exitCode).toBe(0)
    expect(await countOfReplicas()).toBe(3)
  })

  it('is cleaned up after by down', async () => {
    stack = await stackOnDisk(embedOnly(1))
    await stack.ragscale('up')
    const pids = await pidsOf(stack)
    process.kill(stack.supervisorPid(), 'SIGKILL')
    await allGone(pids)
    expect((await stack.ragscale('down')).exitCode).toBe(0)
    expect(readdirSync(stack.folder)).toEqual(['ragscale.yaml'])
  })

  it('that hangs is killed by the next down', async () => {
    stack = await stackOnDisk(embedOnly(1))
    await stack.ragscale('up')
    const pids = await pidsOf(stack)
    process.kill(stack.supervisorPid(), 'SIGSTOP')
    expect((await stack.ragscale('down')).exitCode).toBe(0)
    await allGone(pids)
  }, 120_000)

  it('that is told to end by the system ends its processes first', async () => {
    stack = await stackOnDisk(embedOnly(1))
    await stack.ragscale('up')
    const pids = await pidsOf(stack)
    process.kill(stack.supervisorPid(), 'SIGTERM')
    await allGone(pids)
    expect(existsSync(stack.stateFile)).toBe(false)
  })
})
