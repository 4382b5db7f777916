import { existsSync, readdirSync, rmSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type StackOnDisk,
  allGone,
  embed,
  embedOnly,
  listens,
  pidsOf,
  stackOnDisk,
  until,
} from './local/stack-on-disk.ts'

let stack: StackOnDisk

afterEach(async () => {
  await stack.remove()
})

const named = async (name: string) => (await stack.status()).replicas.find((replica) => replica.name === name)

describe('a stack on this machine', () => {
  it('comes up, is called through its balancer, and goes down without a trace', async () => {
    stack = await stackOnDisk(embedOnly(2))
    const up = await stack.ragscale('up')
    expect(up).toMatchObject({ exitCode: 0 })
    expect(up.err).toMatch(/^embed-2 +healthy +http:/m)
    expect((await stat(stack.stateFile)).mode & 0o777).toBe(0o600)
    const { endpoints, replicas } = await stack.status()
    expect(replicas.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'embed-balancer healthy',
      'embed-1 healthy',
      'embed-2 healthy',
    ])
    expect(await embed(endpoints['embed']![0]!)).toBe(200)

    const pids = await pidsOf(stack)
    expect(await stack.ragscale('down')).toMatchObject({ exitCode: 0, out: 'handbook is down\n' })
    await allGone(pids)
    for (const { url } of replicas) expect(await listens(url!)).toBe(false)
    expect(readdirSync(stack.folder)).toEqual(['ragscale.yaml'])
    expect(await stack.ragscale('down')).toMatchObject({ exitCode: 0, out: 'handbook was not running\n' })
  })

  it('is left alone by a second up, and is found at the same address after down and up', async () => {
    stack = await stackOnDisk(embedOnly(1))
    await stack.ragscale('up')
    const before = await stack.status()
    const again = await stack.ragscale('up')
    expect(again.exitCode).toBe(0)
    expect(again.out).toContain('nothing had to be changed')
    const pids = (status: typeof before) => status.replicas.map(({ pid }) => pid)
    expect(pids(await stack.status())).toEqual(pids(before))

    await stack.ragscale('down')
    await stack.ragscale('up')
    const after = await stack.status()
    expect(after.endpoints).toEqual(before.endpoints)
    expect(pids(after)).not.toEqual(pids(before))
  })

  it('loses no request while it is scaled up and down under load', async () => {
    stack = await stackOnDisk(embedOnly(1))
    await stack.ragscale('up')
    const url = (await stack.status()).endpoints['embed']![0]!
    const statuses = new Map<number, number>()
    const stop = new AbortController()
    const load = Array.from({ length: 4 }, async () => {
      while (!stop.signal.aborted) {
        const status = await embed(url)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    })
    const more = await stack.ragscale('scale', 'embed=3')
    expect(more.exitCode).toBe(0)
    expect(more.out).toContain('ragscale.yaml still says 1 of embed: the next ragscale up goes back to that')
    expect((await stack.status()).replicas).toHaveLength(4)
    // Back to what the file says, replacing nothing.
    const first = await named('embed-1')
    await stack.ragscale('up')
    const { replicas, endpoints } = await stack.status()
    stop.abort()
    await Promise.all(load)
    expect(replicas.map(({ name }) => name)).toEqual(['embed-balancer', 'embed-1'])
    expect(replicas[1]!.pid).toBe(first!.pid)
    expect(endpoints['embed']).toEqual([url])
    expect([...statuses.keys()]).toEqual([200])
  })

  it('has only what the file changed replaced', async () => {
    stack = await stackOnDisk(embedOnly(2))
    await stack.ragscale('up')
    const before = await stack.status()
    await stack.write(
      embedOnly(2, ', emulate: { model: fifo, law: fixed, mean: 1ms, servers: 1 }') +
        'balancer: { policy: random }\n',
    )
    const dry = await stack.ragscale('up', '--dry-run')
    expect(dry.out).toMatch(/^reconfigure embed-balancer\n +because changed: config.policy$/m)
    expect(dry.out).toMatch(/^replace embed-1\n +because changed: config.emulation/m)
    expect((await stack.status()).replicas).toMatchObject(before.replicas.map(({ pid }) => ({ pid })))
    expect((await stack.ragscale('up')).exitCode).toBe(0)
    const after = await stack.status()
    expect(after.replicas[0]!.pid).toBe(before.replicas[0]!.pid)
    expect(after.replicas[1]!.pid).not.toBe(before.replicas[1]!.pid)
    expect(after.endpoints).toEqual(before.endpoints)
    expect(await embed(after.endpoints['embed']![0]!)).toBe(200)
  })
})

describe('a replica that is killed', () => {
  it('is seen, replaced at the same address, and its log says so', async () => {
    stack = await stackOnDisk(embedOnly(2))
    await stack.ragscale('up')
    const before = await named('embed-2')
    const url = (await stack.status()).endpoints['embed']![0]!
    process.kill(before!.pid!, 'SIGKILL')
    await until(async () => (await named('embed-2'))?.restarts === 1)
    // The other one serves in the meantime.
    expect(await embed(url)).toBe(200)
    await until(async () => (await named('embed-2'))?.state === 'healthy')
    const after = await named('embed-2')
    expect(after).toMatchObject({ url: before!.url, restarts: 1 })
    expect(after!.pid).not.toBe(before!.pid)
    const logs = await stack.ragscale('logs', 'embed', '--lines', '5')
    expect(logs.out).toMatch(/^embed-2 +\| .*embed-2 was killed by SIGKILL$/m)
  })

  it('is also the balancer, which comes back knowing its replicas', async () => {
    stack = await stackOnDisk(embedOnly(2))
    await stack.ragscale('up')
    const before = await named('embed-balancer')
    process.kill(before!.pid!, 'SIGKILL')
    await until(async () => {
      const now = await named('embed-balancer')
      return now?.state === 'healthy' && now.pid !== before!.pid
    })
    expect(await embed(before!.url!)).toBe(200)
  })

  it('says that its port is in use when somebody else took it, and goes on when it is free', async () => {
    stack = await stackOnDisk(embedOnly(1))
    await stack.ragscale('up')
    const before = await named('embed-balancer')
    const thief = createServer()
    process.kill(before!.pid!, 'SIGKILL')
    await until(() => {
      if (!thief.listening)
        thief.listen(Number(new URL(before!.url!).port), '127.0.0.1').on('error', () => {})
      return thief.listening
    }, 5)
    await until(async () => /EADDRINUSE/.test((await named('embed-balancer'))?.because ?? ''))
    expect((await stack.ragscale('status')).exitCode).toBe(4)
    thief.close()
    expect((await stack.ragscale('up')).exitCode).toBe(0)
    expect(await named('embed-balancer')).toMatchObject({ state: 'healthy', url: before!.url })
  })
})

describe('logs', () => {
  it('are followed until Ctrl-C', async () => {
    stack = await stackOnDisk(embedOnly(1))
    await stack.ragscale('up')
    const follow = stack.start('logs', 'embed', '--follow', '--json')
    let out = ''
    follow.process.stdout!.on('data', (text: Buffer) => (out += String(text)))
    await until(() => out.includes('starts embed-1'))
    process.kill((await named('embed-1'))!.pid!, 'SIGKILL')
    await until(() => out.includes('embed-1 was killed by SIGKILL'))
    follow.process.kill('SIGINT')
    expect((await follow.ended).exitCode).toBe(0)
    for (const line of out.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('name')
  })
})

describe('somebody else at the same time', () => {
  it('makes one stack of two ups at once', async () => {
    stack = await stackOnDisk(embedOnly(2))
    const [first, second] = await Promise.all([stack.ragscale('up'), stack.ragscale('up')])
    expect([first.exitCode, second.exitCode]).toEqual([0, 0])
    expect([first.err, second.err].filter((err) => err.includes('this stack is being changed'))).toHaveLength(
      1,
    )
    expect([first.out, second.out].filter((out) => out.includes('nothing had to be changed'))).toHaveLength(1)
    expect((await stack.status()).replicas).toHaveLength(3)
  })

  it('ends the stack that lost its state, so that nothing runs unseen', async () => {
    stack = await stackOnDisk(embedOnly(1))
    await stack.ragscale('up')
    const pids = await pidsOf(stack)
    rmSync(stack.stateFile)
    await allGone(pids)
    expect(existsSync(stack.stateFile)).toBe(false)
  })
})
