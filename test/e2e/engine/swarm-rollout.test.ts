/** Rollouts in a swarm of one node, behind the real balancers, while users ask. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { freePort } from '../containers/free-port.ts'
import { askingUsers } from '../rollout/asking.ts'
import { type Told, quick, rolloutStack, tested } from './rollout-stack.ts'
import { type SwarmPlace, swarmPlace } from './swarm-place.ts'

/** A rollout takes two minutes where nothing else runs. */
const withinMs = 480_000
vi.setConfig({ testTimeout: withinMs + 60_000, hookTimeout: 300_000 })

describe.each(['nginx', 'haproxy'])('behind %s', (balancer) => {
  const yaml = (mean: string): string => rolloutStack({ target: 'swarm', balancer, mean })

  describeWithEngine('a tier on Swarm', (env) => {
    let place: SwarmPlace
    let url: string
    const file = async (): Promise<string> => await readFile(join(place.folder, 'ragscale.yaml'), 'utf8')
    const services = async (): Promise<string[]> =>
      (await place.docker('service', 'ls', '--format', '{{.Name}} {{.Replicas}}')).split('\n').sort()
    const balancerTasks = async (): Promise<string[]> =>
      (await place.tasks()).filter((task) => task.startsWith('handbook_balancer'))
    const override = async (balancer: object): Promise<void> => {
      // Else each replacement is watched for a minute.
      const deploy = { update_config: { monitor: '3s', delay: '1s' } }
      await mkdir(join(place.folder, 'deploy/swarm'), { recursive: true })
      await writeFile(
        join(place.folder, 'deploy/swarm/stack.override.yaml'),
        JSON.stringify({ version: '3.13', services: { balancer, embed: { deploy } } }),
      )
    }

    beforeAll(async () => {
      place = await swarmPlace(env, yaml('80ms'), { withinMs })
      await writeFile(join(place.folder, 'queries.txt'), 'What is a shard?\nHow many replicas are enough?\n')
      await place.initSwarm()
      await override({})
      const up = await place.ragscale('up')
      expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    })
    // What one test did not end is no part of the next: refused where nothing is under way.
    afterEach(async () => await place.ragscale('rollout', 'abort'))
    afterAll(async () => {
      await place.leave()
      await place.leaveSwarm()
    })

    test('is refused while its port is not published, with what to do', async () => {
      const refused = await place.ragscale('rollout', 'canary', 'embed', '--set', 'emulate.mean=40ms')
      expect(refused).toMatchObject({ exitCode: 2 })
      expect(refused.stderr).toContain('cp deploy/swarm/stages.yaml deploy/swarm/stack.override.yaml')
      const port = await freePort()
      url = `http://127.0.0.1:${port}`
      await override({ ports: [{ target: 8081, published: port, protocol: 'tcp', mode: 'host' }] })
      const up = await place.ragscale('up')
      expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    })

    /** What came of it: no request of a user was lost, the balancer went on as it was, and nothing is left to do. */
    async function rolledOut(...args: string[]): Promise<Told['rollout']> {
      const before = await balancerTasks()
      const users = askingUsers(url, 4)
      const { rollout } = (await place.json('rollout', ...args)) as Told
      const statuses = await users.stop()
      expect([...statuses.keys()], JSON.stringify([...statuses])).toEqual([200])
      expect(await balancerTasks()).toEqual(before)
      expect(await place.json('up', '--dry-run')).toMatchObject({ steps: [] })
      expect(await services()).toEqual(['handbook_balancer 1/1 (max 1 per node)', 'handbook_embed 2/2'])
      return rollout
    }

    test('is rolled out by a canary that is as good', async () => {
      const rollout = await rolledOut('canary', 'embed', '--set', 'emulate.mean=40ms', ...quick)
      expect(rollout).toMatchObject({ phase: 'ended', outcome: 'promoted' })
      expect(await file()).toBe(yaml('40ms'))
    })

    test('is left as it was by a canary that is slower', async () => {
      const rollout = await rolledOut('canary', 'embed', '--set', 'emulate.mean=400ms', ...quick)
      expect(rollout).toMatchObject({ phase: 'ended', outcome: 'rolled back: worse' })
      expect(rollout.because).toContain('latency.p50')
      expect(await file()).toBe(yaml('40ms'))
    })

    test('is switched at once by blue-green', async () => {
      const rollout = await rolledOut('bluegreen', 'embed', '--image', 'ragscale:test', ...tested)
      expect(rollout).toMatchObject({ phase: 'ended', outcome: 'promoted' })
      expect(await file()).toContain('image: ragscale:test')
    })

    /** Until requests are shared out; answers with what it has said so far. */
    async function untilSplit({ stderr }: ReturnType<SwarmPlace['start']>): Promise<() => string> {
      let said = ''
      stderr.on('data', (piece: Buffer) => (said += piece.toString()))
      const until = Date.now() + 120_000
      // First it is told that there is a second version, then what share that has.
      while (said.split('done: reconfigure').length < 3 && Date.now() < until) await sleep(200)
      return () => said
    }

    test('that was killed in the middle keeps up off, and abort brings it back', async () => {
      const text = await file()
      const killed = place.start('rollout', 'canary', 'embed', '--set', 'emulate.mean=20ms', ...quick)
      await untilSplit(killed)
      killed.kill('SIGKILL')
      await killed
      expect(await place.ragscale('up')).toMatchObject({ exitCode: 2 })
      expect(await services()).toContain('handbook_embed-next 1/1')
      const users = askingUsers(url, 4)
      const abort = await place.ragscale('rollout', 'abort')
      expect(abort, abort.stderr).toMatchObject({ exitCode: 0 })
      expect([...(await users.stop()).keys()]).toEqual([200])
      expect(await place.json('up', '--dry-run')).toMatchObject({ steps: [] })
      expect(await file()).toBe(text)
    })

    test('is measured again when its balancer ends meanwhile, which forgets the shares', async () => {
      const running = place.start('rollout', 'canary', 'embed', '--set', 'emulate.mean=20ms', ...quick)
      const said = await untilSplit(running)
      await sleep(3_000)
      await place.killOne('handbook_balancer.1')
      const { exitCode } = await running
      expect(said()).toContain('a balancer started anew meanwhile')
      // It is one balancer, so what was asked while it was away was lost, and may be held against the version.
      expect([0, 5, 6]).toContain(exitCode)
      expect(await place.json('up', '--dry-run')).toMatchObject({ steps: [] })
    })
  })
})
