/** The whole of a stack's life on a real Docker engine: real Compose, real nginx, real k6; the models are emulated. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Recommendation } from '../../../src/capacity/types.ts'
import type { Run } from '../../../src/recording/run.ts'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { keepAsking } from './asking.ts'
import { type EnginePlace, enginePlace } from './place.ts'
import { everyTier } from './stacks.ts'

/** What somebody else has in the engine. */
const strangers = ['container stranger', 'network strangers', 'volume strangers-data']
/** Two of each tier of which one is killed. */
const killed = ['gateway-2', 'embed-2', 'vector-3-1', 'generate-2', 'worker-2']

describeWithEngine('a stack on Compose', (env) => {
  let place: EnginePlace
  let before: string[]

  beforeAll(async () => {
    place = await enginePlace(env, everyTier())
    // More than are asked: what was asked before would be answered from the cache, and pass no other tier.
    const queries = Array.from({ length: 1_000 }, (_, index) => `What is in shard ${index}?\n`)
    await writeFile(join(place.folder, 'queries.txt'), queries.join(''))
    await place.docker('network', 'create', 'strangers')
    await place.docker('volume', 'create', 'strangers-data')
    const mounted = ['--volume', 'strangers-data:/data', '--network', 'strangers']
    await place.docker('run', '--detach', '--name', 'stranger', ...mounted, 'redis:test', 'sleep', '3600')
    before = await place.everything()
    expect(before).toEqual(expect.arrayContaining(strangers))
  })

  afterAll(async () => {
    await place.leave()
    await place.docker('rm', '--force', '--volumes', 'stranger')
    await place.docker('volume', 'rm', 'strangers-data')
    await place.docker('network', 'rm', 'strangers')
  })

  test('is shown before it is started, with a cause for each step, and nothing is written', async () => {
    const files = await place.files()
    const { exitCode, stdout } = await place.ragscale('up', '--dry-run')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^start embed-1, embed-2 \(tei\)$/m)
    expect(stdout).toContain('because ragscale.yaml asks for 2 of embed, none runs')
    expect(await place.files()).toEqual(files)
    expect(await place.everything()).toEqual(before)
  })

  test('comes up healthy, three nodes of one cluster among it, and answers a query', async () => {
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    const tiers = (await place.containers()).filter(({ running }) => running).map(({ tier }) => tier)
    expect(new Set(tiers)).toEqual(
      new Set(['balancer', 'cache', 'embed', 'gateway', 'generate', 'vector', 'worker']),
    )
    expect(tiers.filter((tier) => tier === 'vector')).toHaveLength(3)
    const cluster = await (await fetch(`${place.urls.vector}/cluster`)).json()
    expect(Object.keys((cluster as { result: { peers: object } }).result.peers)).toHaveLength(3)
    const answer = await post(`${place.urls.gateway}/query`, { query: 'What is a shard?' })
    expect(answer.status).toBe(200)
  })

  test('has nothing to do for a second up', async () => {
    const running = await place.containers()
    expect(await place.json('up')).toMatchObject({ changes: [] })
    expect(await place.containers()).toEqual(running)
  })

  test('says of each replica how it is, and shows what it wrote', async () => {
    const { replicas } = (await place.json('status')) as { replicas: { name: string; state: string }[] }
    expect(replicas.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['gateway-2', 'embed-2', 'vector-3', 'generate-2', 'worker-2']),
    )
    expect(new Set(replicas.map(({ state }) => state))).toEqual(new Set(['healthy']))
    const logs = await place.ragscale('logs', 'embed')
    expect(logs.stdout).toMatch(/^embed-1 +\| ragscale \S+: emulators\/tei$/m)
    expect(logs.stdout).not.toMatch(/^gateway/m)
  })

  test('is load-tested through nginx, with what each tier used beside it', async () => {
    const run = (await place.json(
      ...'loadtest --scenario steady --rate 4/s --warmup 1s --duration 8s'.split(' '),
    )) as Run
    expect(run).toMatchObject({ target: 'compose', emulated: true, scenario: 'steady' })
    const [step] = run.steps
    expect(step?.errors).toEqual({})
    expect(step?.completed).toBeGreaterThan(0)
    expect(step?.tiers['embed']).toMatchObject({ replicas: 2 })
    expect(step?.tiers['embed']?.memoryBytes).toBeGreaterThan(0)
    const log = await place.docker('logs', 'handbook-balancer-1')
    expect(log).toContain('"path":"/query"')
  })

  test('loses no more than what was in flight when a replica of each tier is killed', async () => {
    let query = 0
    const asking = keepAsking(`${place.urls.gateway}/query`, () => ({
      query: `What is shard ${query++}?`,
      stream: false,
    }))
    await expect.poll(() => asking.asked.length, { timeout: 60_000 }).toBeGreaterThan(8)
    const killedAt: number[] = []
    for (const name of killed) {
      killedAt.push(performance.now())
      await place.docker('kill', `handbook-${name}`)
      const count = asking.asked.length
      await expect.poll(() => asking.asked.length, { timeout: 60_000 }).toBeGreaterThan(count + 8)
    }
    const asked = await asking.stop()
    const lost = asked.filter(({ outcome }) => outcome !== 200)
    for (const { startedMs, endedMs } of lost)
      expect(
        killedAt.some((at) => startedMs < at + 1_000 && endedMs > at),
        JSON.stringify({ lost, killedAt }),
      ).toBe(true)
    expect(lost.length).toBeLessThanOrEqual(4 * killed.length)
  })

  test('is made whole by up, which says what it starts and why, and leaves the others alone', async () => {
    const left = (await place.containers()).filter(({ running }) => running)
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    for (const name of ['gateway-2', 'embed-2', 'vector-3', 'generate-2', 'worker-2'])
      expect(up.stderr).toMatch(new RegExp(`start ${name} .*\\n +because .*killed`))
    const whole = await place.containers()
    expect(whole.filter(({ running }) => running)).toHaveLength(left.length + killed.length)
    expect(whole).toEqual(expect.arrayContaining(left))
  })

  test('is scaled by recommend --apply', async () => {
    await place.write(everyTier(1))
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
    const swept = await place.ragscale(
      ...'loadtest --stage embed --rates 3/s,5/s,7/s,8/s,20/s --duration 5s --warmup 1s --name sweep'.split(
        ' ',
      ),
    )
    expect([0, 5, 6], swept.stderr).toContain(swept.exitCode)
    const recommendation = (await place.json(
      'recommend',
      ...'--run sweep --rate 18/s --apply'.split(' '),
    )) as Recommendation
    expect(recommendation.feasible, JSON.stringify(recommendation)).toBe(true)
    const replicas = recommendation.tiers.embed?.then.replicas ?? 0
    expect(replicas, JSON.stringify(recommendation)).toBeGreaterThanOrEqual(2)
    const text = await readFile(join(place.folder, 'ragscale.yaml'), 'utf8')
    expect(text).toBe(everyTier(1).replace('replicas: 1 # for now', `replicas: ${replicas} # for now`))
    const running = (await place.containers()).filter(({ tier, running }) => tier === 'embed' && running)
    expect(running).toHaveLength(replicas)
  })

  test('is scaled for a while, and the file is left alone', async () => {
    const text = await readFile(join(place.folder, 'ragscale.yaml'), 'utf8')
    expect(await place.ragscale('scale', 'generate=3')).toMatchObject({ exitCode: 0 })
    expect((await place.containers()).filter(({ tier }) => tier === 'generate')).toHaveLength(3)
    expect(await readFile(join(place.folder, 'ragscale.yaml'), 'utf8')).toBe(text)
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
    expect((await place.containers()).filter(({ tier }) => tier === 'generate')).toHaveLength(2)
  })

  test('goes down without a trace but for its data, and with --volumes without any', async () => {
    const down = await place.ragscale('down')
    expect(down, down.stderr).toMatchObject({ exitCode: 0 })
    const kept = (await place.everything()).filter((line) => !before.includes(line))
    expect(kept).toEqual([1, 2, 3].map((node) => `volume handbook_vector-data-${node}`))
    expect(await place.ragscale('down', '--volumes', '--yes')).toMatchObject({ exitCode: 0 })
    expect(await place.everything()).toEqual(before)
    // What is rendered, measured and written by hand stays; nothing of what ran does.
    const states = (await place.files()).filter((path) => path.startsWith('.ragscale/'))
    expect(states.filter((path) => path.includes('compose'))).toEqual([])
    expect(await place.ragscale('down')).toMatchObject({ exitCode: 0 })
  })
})

async function post(url: string, body: unknown): Promise<Response> {
  return await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}
