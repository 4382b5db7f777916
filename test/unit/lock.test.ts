import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireLock } from '../../src/lock.ts'

let file: string
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'ragscale-lock-')), 'loadtest.lock')
})
afterEach(async () => await rm(dirname(file), { recursive: true }))

const mine = { pid: process.pid, what: 'loadtest a', since: '2026-11-21T12:00:00.000Z' }

describe('the lock of a stack', () => {
  it('refuses a second load test and names the first', async () => {
    await acquireLock(file, mine)
    await expect(acquireLock(file, { ...mine, what: 'loadtest b' })).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`loadtest a (process ${process.pid} on `),
    })
  })

  it('can be had again once it was given up, and giving it up twice takes nothing from the next', async () => {
    const first = await acquireLock(file, mine)
    await first.release()
    const second = await acquireLock(file, mine)
    await first.release()
    await expect(acquireLock(file, mine)).rejects.toMatchObject({ code: 'locked' })
    await second.release()
    expect(await readdir(dirname(file))).toEqual([])
  })

  it('is taken over at once from a process that is gone', async () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid
    await acquireLock(file, { ...mine, pid: gone })
    const lock = await acquireLock(file, mine)
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pid: process.pid })
    await lock.release()
  })

  it("is taken over from a process whose id now is another process's", async () => {
    await acquireLock(file, mine)
    const held = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    await writeFile(file, JSON.stringify({ ...held, start: '1' }))
    await (await acquireLock(file, mine)).release()
  })

  it('is never taken over from another machine, whose processes cannot be seen', async () => {
    await acquireLock(file, mine)
    const held = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    await writeFile(file, JSON.stringify({ ...held, host: 'elsewhere', pid: 1 }))
    await expect(acquireLock(file, mine)).rejects.toThrow('on elsewhere')
  })

  it('goes to exactly one of many that want it at once, stale lock or none', async () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid
    await acquireLock(file, { ...mine, pid: gone })
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => acquireLock(file, mine)))
    expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(1)
    expect(await readdir(dirname(file))).toEqual(['loadtest.lock'])
  })
})
