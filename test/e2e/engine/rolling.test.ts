/** Replicas that come, go and are replaced on a real engine, while users ask through the real balancers: nobody notices. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { keepAsking } from './asking.ts'
import { type EnginePlace, type Seen, enginePlace } from './place.ts'

const names = [1, 2, 3].map((number) => `handbook-embed-${number}`)

describe.each([
  { balancer: 'nginx', compose: true },
  { balancer: 'haproxy', compose: true },
  { balancer: 'nginx', compose: false },
])('behind $balancer (docker compose: $compose)', ({ balancer, compose }) => {
  const yaml = (mean: string): string => `name: handbook
target: compose
rehearse: true
tiers:
  embed:
    component: tei
    model: BAAI/bge-small-en-v1.5
    replicas: 3
    emulate: { model: fifo, law: fixed, mean: ${mean}, servers: 4 }
balancer: { component: ${balancer}, image: '${balancer}:test' }
workload: { rate: 10/s, queries: queries.txt, seed: 7 }
slo: { embed: { p95: 3s } }
limits: { replicas: 8 }
`

  describeWithEngine('a tier on Compose', (env) => {
    let place: EnginePlace
    let noPlugins: string

    beforeAll(async () => {
      noPlugins = await mkdtemp(join(tmpdir(), 'ragscale-no-plugins-'))
      place = await enginePlace(compose ? env : { ...env, DOCKER_CONFIG: noPlugins }, yaml('10ms'))
      await writeFile(join(place.folder, 'queries.txt'), 'What is a shard?\n')
      const up = await place.ragscale('up')
      expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    })
    afterAll(async () => {
      await place.leave()
      await rm(noPlugins, { recursive: true })
    })

    const embed = async (): Promise<Seen[]> =>
      (await place.containers()).filter(({ tier, running }) => tier === 'embed' && running)

    /** In one question, as containers come and go meanwhile. */
    const running = async (): Promise<number> => {
      const label = 'label=com.ragscale.tier=embed'
      const ids = await place.docker('ps', '--quiet', '--filter', label)
      return ids.split('\n').filter((id) => id !== '').length
    }

    /** Asks all the while and a little longer; every request is answered. The fewest replicas that ran at any moment. */
    async function unnoticed(change: () => Promise<void>): Promise<number> {
      const asking = keepAsking(`${place.urls.embed}/embed`, () => ({ inputs: 'What is a shard?' }))
      let fewest = Infinity
      const ended = new AbortController()
      const counting = (async () => {
        while (!ended.signal.aborted) fewest = Math.min(fewest, await running())
      })()
      try {
        await change()
        const count = asking.asked.length
        await expect.poll(() => asking.asked.length, { timeout: 60_000 }).toBeGreaterThan(count + 100)
      } finally {
        ended.abort()
        await counting
        await asking.stop()
      }
      expect(asking.asked.filter(({ outcome }) => outcome !== 200)).toEqual([])
      return fewest
    }

    async function up(): Promise<void> {
      const done = await place.ragscale('up')
      expect(done, done.stderr).toMatchObject({ exitCode: 0 })
      expect(await place.json('up', '--dry-run')).toMatchObject({ steps: [] })
    }

    test('shrinks to one replica, and grows again', async () => {
      await unnoticed(async () => {
        const scaled = await place.ragscale('scale', 'embed=1')
        expect(scaled, scaled.stderr).toMatchObject({ exitCode: 0 })
        expect((await embed()).map(({ name }) => name)).toEqual(['handbook-embed-1'])
        await up()
      })
      expect((await embed()).map(({ name }) => name)).toEqual(names)
    })

    test('is replaced one replica at a time when its definition changes, as the plan says', async () => {
      const before = await embed()
      await place.write(yaml('12ms'))
      const { steps } = (await place.json('up', '--dry-run')) as { steps: { what: string }[] }
      expect(steps.map(({ what }) => what)).toContain('replace embed-1, embed-2, embed-3, one at a time')
      expect(await unnoticed(up)).toBe(2)
      const after = await embed()
      expect(after.map(({ name }) => name)).toEqual(names)
      expect(after.map(({ id }) => id).filter((id) => before.some((one) => one.id === id))).toEqual([])
    })

    test('is made whole by the next up, where one was killed when the first had ended', async () => {
      const before = await embed()
      await place.write(yaml('14ms'))
      await unnoticed(async () => {
        const killed = place.start('up')
        await expect
          .poll(async () => await place.docker('ps', '--quiet', '--no-trunc'), { timeout: 60_000 })
          .not.toContain(before[0]?.id)
        killed.kill('SIGKILL')
        await killed
        await up()
      })
      const after = await embed()
      expect(after.map(({ name }) => name)).toEqual(names)
      expect(after.map(({ id }) => id).filter((id) => before.some((one) => one.id === id))).toEqual([])
    })

    test('gets a replica back that somebody removed, with its own number', async () => {
      await place.docker('rm', '--force', 'handbook-embed-1')
      await up()
      expect((await embed()).map(({ name }) => name)).toEqual(names)
    })
  })
})
