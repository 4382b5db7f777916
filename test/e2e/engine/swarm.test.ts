/** A stack's life in a swarm of one node, on a real Docker engine: real nginx, real Redis, real k6; the models are emulated. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Run } from '../../../src/recording/run.ts'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { freePort } from '../containers/free-port.ts'
import { ask, keepAsking } from './asking.ts'
import { inSwarm } from './stacks.ts'
import { type SwarmPlace, swarmPlace } from './swarm-place.ts'

/** A swarm publishes it on the node itself, and says no other. */
const frontDoor = 'http://127.0.0.1:8080'

describeWithEngine('a stack on Docker Swarm', (env) => {
  let place: SwarmPlace
  let before: string[]
  let embedPort: number

  beforeAll(async () => {
    place = await swarmPlace(env, inSwarm())
    await writeFile(join(place.folder, 'queries.txt'), 'What is a shard?\nHow many replicas are enough?\n')
    // A file of the user's, which opens the port of a tier.
    embedPort = await freePort()
    const ports = [{ target: 8081, published: embedPort, protocol: 'tcp', mode: 'host' }]
    await mkdir(join(place.folder, 'deploy/swarm'), { recursive: true })
    await writeFile(
      join(place.folder, 'deploy/swarm/stack.override.yaml'),
      JSON.stringify({ version: '3.13', services: { balancer: { ports } } }),
    )
  })

  afterAll(async () => {
    await place.leave()
    await place.docker('network', 'rm', 'strangers').catch(() => '')
    await place.docker('volume', 'rm', 'strangers-data').catch(() => '')
    await place.leaveSwarm()
  })

  test('is refused by an engine in no swarm, with what to do', async () => {
    const up = await place.ragscale('up')
    expect(up).toMatchObject({ exitCode: 3 })
    expect(up.stderr).toContain('docker swarm init')
  })

  test('is shown before it is started, with a cause for each step, and nothing is written', async () => {
    await place.initSwarm()
    await place.docker('network', 'create', '--driver', 'overlay', 'strangers')
    await place.docker('volume', 'create', 'strangers-data')
    const node = await place.docker('info', '--format', '{{.Swarm.NodeID}}')
    await place.docker('node', 'update', '--label-add', 'zone=here', node)
    before = await place.everything()
    const files = await place.files()
    const { exitCode, stdout } = await place.ragscale('up', '--dry-run')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^start embed \(2 × tei\)\n +because nothing of this stack runs$/m)
    expect(stdout).toMatch(/^make the secret redis-password$/m)
    expect(stdout).toMatch(/^label node \S+: ragscale\.vector-1, ragscale\.vector-2/m)
    expect(await place.files()).toEqual(files)
    expect(await place.everything()).toEqual(before)
  })

  test('comes up healthy, its secrets made, and answers a query at its front door', async () => {
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    expect(await readFile(join(place.folder, 'deploy/swarm/secrets/redis-password'), 'utf8')).toMatch(
      /\S{43}/,
    )
    expect(await ask(`${frontDoor}/query`, { query: 'What is a shard?' })).toBe(200)
    // By the user's own file.
    expect(await ask(`http://127.0.0.1:${embedPort}/embed`, { inputs: 'a shard' })).toBe(200)
    const { replicas } = (await place.json('status')) as { replicas: { name: string; state: string }[] }
    expect(replicas.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['gateway-1', 'embed-1', 'embed-2', 'vector-1', 'vector-2', 'generate-1']),
    )
    expect(new Set(replicas.map(({ state }) => state))).toEqual(new Set(['healthy']))
  })

  test('has nothing to do for a second up', async () => {
    const tasks = await place.tasks()
    expect(await place.json('up')).toMatchObject({ changes: [] })
    expect(await place.tasks()).toEqual(tasks)
  })

  test('shows what its replicas wrote, each by its name', async () => {
    const logs = await place.ragscale('logs', 'embed')
    expect(logs.stdout).toMatch(/^embed-1 +\| ragscale \S+: emulators\/tei$/m)
    expect(logs.stdout).toMatch(/^embed-2 +\| ragscale \S+: emulators\/tei$/m)
    expect(logs.stdout).not.toMatch(/^gateway/m)
  })

  test('is load-tested, with what each tier used and said beside it', async () => {
    const loaded = '--stage pipeline --scenario steady --rate 3/s --warmup 1s --duration 8s'.split(' ')
    const run = (await place.json('loadtest', ...loaded)) as Run
    expect(run).toMatchObject({ target: 'swarm', emulated: true })
    const [step] = run.steps
    expect(step?.errors).toEqual({})
    expect(step?.tiers['embed']).toMatchObject({ replicas: 2 })
    for (const tier of ['gateway', 'embed', 'vector', 'generate', 'cache', 'balancer']) {
      const use = step?.tiers[tier]
      expect(use?.cpuCores, tier).toBeGreaterThan(0)
      expect(use?.memoryBytes, tier).toBeGreaterThan(0)
      expect(use?.network?.receivedBytesPerSecond, tier).toBeGreaterThan(0)
    }
    expect(step?.tiers['generate']?.signals).toMatchObject({ running: expect.any(Number) as number })
  })

  test('starts again what is killed, and up waits for it', async () => {
    await place.killOne('handbook_embed.1')
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    expect((await place.tasks()).filter((task) => task.includes('handbook_embed.'))).toHaveLength(2)
  })

  test('is scaled for a while, and the file is left alone', async () => {
    const text = await readFile(join(place.folder, 'ragscale.yaml'), 'utf8')
    const files = await place.files()
    const tasks = await place.tasks()
    expect(await place.ragscale('scale', 'embed=3')).toMatchObject({ exitCode: 0 })
    expect((await place.tasks()).filter((task) => task.includes('handbook_embed.'))).toHaveLength(3)
    expect(await place.tasks()).toEqual(expect.arrayContaining(tasks))
    expect(await readFile(join(place.folder, 'ragscale.yaml'), 'utf8')).toBe(text)
    expect(await place.files()).toEqual(files)
    expect(await place.json('up')).toMatchObject({ changes: ['scale embed from 3 to 2'] })
  })

  test('replaces only what another image is asked for, and says so', async () => {
    await place.docker('tag', 'ragscale:0.1.0', 'ragscale:second')
    await place.write(inSwarm('ragscale:second'))
    const { stdout } = await place.ragscale('up', '--dry-run')
    expect(stdout).toMatch(/^update gateway\n +because changed: image ragscale:0\.1\.0 → ragscale:second$/m)
    const others = (all: readonly string[]) => all.filter((task) => !task.includes('_gateway'))
    const left = others(await place.tasks())
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    expect(up.stderr).toContain('gateway: rolling update')
    expect(others(await place.tasks())).toEqual(left)
    expect(await place.json('up')).toMatchObject({ changes: [] })
  })

  test('goes back by itself from an image that nobody has, while the old one answers, and says why', async () => {
    await place.write(inSwarm('ragscale:nowhere'))
    const asking = keepAsking(`${frontDoor}/query`, () => ({ query: 'What is a shard?' }), 1)
    const up = await place.ragscale('up')
    const answers = (await asking.stop()).map(({ outcome }) => outcome)
    expect(up).toMatchObject({ exitCode: 4 })
    expect(up.stderr).toContain('gateway was rolled back to ragscale:second')
    expect(up.stderr).toContain('no image ragscale:nowhere')
    expect(new Set(answers)).toEqual(new Set([200]))
    await place.write(inSwarm('ragscale:second'))
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
  })

  test('asks for more than a node has, and is told what is missing', async () => {
    await place.write(inSwarm('ragscale:second', 500))
    const up = await place.ragscale('up')
    expect(up).toMatchObject({ exitCode: 4 })
    expect(up.stderr).toMatch(
      /no suitable node: insufficient resources on 1 node \(it reserves 500 CPUs and /,
    )
    await place.write(inSwarm('ragscale:second'))
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
  })

  test('goes down and keeps what it stored, then without a trace; what is a stranger’s stays', async () => {
    const down = (await place.json('down')) as { kept: string[] }
    expect(down.kept).toEqual(expect.arrayContaining(['volume handbook_vector-data-1']))
    expect(await place.tasks()).toEqual([])
    expect(await place.ragscale('down', '--volumes', '--yes')).toMatchObject({ exitCode: 0 })
    expect(await place.everything()).toEqual(before)
  })
})
