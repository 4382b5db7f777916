/** What goes wrong around `up` on a real engine: each with nothing lost, and a message that helps. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { keepAsking } from './asking.ts'
import { type EnginePlace, enginePlace } from './place.ts'
import { embedOnly } from './stacks.ts'

const patience = { timeout: 60_000, interval: 50 }
const slowly = { timeout: 120_000, interval: 1_000 }
/** Asked often enough that a test need not wait: Debian's engine knows no shorter interval for the start. */
const healthcheck = { interval: '1s', timeout: '3s', retries: 2 }
const quickly = { embed: { healthcheck }, balancer: { healthcheck } }
const whole = ['handbook-balancer-1', 'handbook-embed-1', 'handbook-embed-2']

describeWithEngine('up on Compose, when something goes wrong,', (env) => {
  let place: EnginePlace
  let before: string[]

  beforeAll(async () => {
    place = await enginePlace(env, embedOnly(2))
    await place.override(quickly)
    before = await place.everything()
    return async () => await place.leave()
  })

  afterEach(async () => {
    await place.ragscale('down', '--volumes', '--yes', '--timeout', '20s')
    await place.write(embedOnly(2))
    await place.override(quickly)
    expect(await place.everything()).toEqual(before)
  })

  async function running(): Promise<string[]> {
    return (await place.containers()).filter((one) => one.running).map(({ name }) => name)
  }

  test.each<readonly [string, () => Promise<boolean>]>([
    ['the files are written', async () => (await place.files()).includes('deploy/compose/compose.yaml')],
    ['the first container is made', async () => (await place.containers()).length > 0],
    ['the first one runs', async () => (await running()).length > 0],
    ['all run, and are not yet healthy', async () => (await running()).length === 3],
  ])('is killed when %s, and the next up finishes its work', async (_, reached) => {
    await place.remove('deploy/compose/compose.yaml')
    const up = place.start('up')
    await expect.poll(reached, { ...patience, interval: 10 }).toBe(true)
    up.kill('SIGKILL')
    await up
    const again = await place.ragscale('up')
    expect(again, again.stderr).toMatchObject({ exitCode: 0 })
    expect(await running()).toEqual(whole)
    expect(await place.json('up')).toMatchObject({ changes: [] })
  })

  test('names the port that somebody else listens on, and goes on when it is free', async () => {
    const port = Number(new URL(place.urls.embed).port)
    const thief = createServer()
    await new Promise<void>((listening) => thief.listen(port, '127.0.0.1', listening))
    const up = await place.ragscale('up')
    thief.close()
    expect(up.exitCode).not.toBe(0)
    expect(up.stderr).toContain(String(port))
    expect(up.stderr).toMatch(/in use|taken/)
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
    expect(await running()).toEqual(whole)
  })

  test('names an image that cannot be had, before anything is stopped', async () => {
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
    const served = await place.containers()
    const image = '127.0.0.1:1/nginx:missing'
    await place.write(embedOnly(2).replace("'nginx:test'", `'${image}'`))
    const up = await place.ragscale('up')
    expect(up.exitCode).not.toBe(0)
    expect(up.stderr).toContain(image)
    expect(await place.containers()).toEqual(served)
  })

  test('says that a container was killed for its memory, and which', async () => {
    await place.override({
      embed: { deploy: { resources: { limits: { memory: '24m' }, reservations: { memory: '16m' } } } },
    })
    const up = await place.ragscale('up', '--timeout', '40s')
    expect(up.exitCode).toBe(4)
    expect(up.stderr).toMatch(/embed-\d/)
    expect(up.stderr).toMatch(/memory/i)
  })

  test('waits for replicas whose health checks are answered too late at first, and says so', async () => {
    const count = 'n=$$(cat /tmp/checks || echo 0); echo $$((n + 1)) > /tmp/checks'
    const late = ['CMD', 'sh', '-c', `${count}; [ $$n -ge 4 ] || sleep 30`]
    const embed = {
      healthcheck: { test: late, interval: '1s', timeout: '1s', retries: 2, start_period: '0s' },
    }
    await place.override({ ...quickly, embed })
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    expect(up.stderr).toMatch(/embed-\d.*its health checks are answered too late/)
    expect(await running()).toEqual(whole)
  })

  test('loses no request to a replica that no longer answers, and status says which it is', async () => {
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
    const since = new Date().toISOString()
    const asking = keepAsking(`${place.urls.embed}/embed`, () => ({ inputs: 'What is a shard?' }))
    // A balancer that came up before one of them learns of it within five seconds.
    await expect.poll(async () => await servedSince(since), patience).toBe(2)
    const process1 = await place.docker('inspect', '--format', '{{.State.Pid}}', 'handbook-embed-2')
    // Process 1 is the engine's own init, of which the service is the child.
    const service = Number(await readFile(`/proc/${process1}/task/${process1}/children`, 'utf8'))
    process.kill(service, 'SIGSTOP')
    try {
      // Three checks that nobody answers, five seconds apart and each given up after five more.
      await expect.poll(async () => (await replicas())['embed-2'], slowly).toBe('unhealthy')
      // Those that wait for it hold a connection each: the other replica has fewer, and gets what comes.
      const served = asking.asked.length
      await expect.poll(() => asking.asked.length, patience).toBeGreaterThan(served + 20)
    } finally {
      process.kill(service, 'SIGCONT')
    }
    const outcomes = new Set((await asking.stop()).map(({ outcome }) => outcome))
    expect(outcomes).toEqual(new Set([200]))
    await expect.poll(async () => (await replicas())['embed-2'], slowly).toBe('healthy')
  })

  /** How many replicas the balancer has sent requests to. */
  async function servedSince(since: string): Promise<number> {
    const log = await place.docker('logs', '--since', since, 'handbook-balancer-1')
    return new Set(Array.from(log.matchAll(/"upstream":"([\d.:]+)"/g), ([, address]) => address)).size
  }

  async function replicas(): Promise<Record<string, string>> {
    const status = (await place.json('status')) as { replicas: { name: string; state: string }[] }
    return Object.fromEntries(status.replicas.map(({ name, state }) => [name, state]))
  }

  test('has a second up wait for the first, whose process it names, and find nothing to do', async () => {
    const first = place.start('up')
    await expect.poll(async () => await place.files(), patience).toContain('.ragscale/compose.lock')
    const second = await place.ragscale('up')
    expect(second, second.stderr).toMatchObject({ exitCode: 0 })
    expect(second.stderr).toContain(String(first.pid))
    expect(second.stdout).toContain('nothing had to be changed')
    expect(await first).toMatchObject({ exitCode: 0 })
    expect(await running()).toEqual(whole)
  })

  test('leaves what it was doing when it is interrupted, and says how far it came', async () => {
    const up = place.start('up')
    await expect.poll(async () => (await place.containers()).length > 0, patience).toBe(true)
    up.kill('SIGINT')
    const { exitCode, stderr } = await up
    expect(exitCode, stderr).toBe(130)
    expect(stderr).toMatch(/interrupted/i)
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
    expect(await running()).toEqual(whole)
  })
})
