/** Rollouts on a real Docker engine, behind the real balancers, while users ask. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { askingUsers } from '../rollout/asking.ts'
import { type EnginePlace, enginePlace } from './place.ts'
import { type Told, quick, rolloutStack, tested } from './rollout-stack.ts'

/** A rollout takes a minute where nothing else runs. */
const withinMs = 480_000
vi.setConfig({ testTimeout: withinMs + 60_000 })

describe.each(['nginx', 'haproxy'])('behind %s', (balancer) => {
  const yaml = (mean: string): string => rolloutStack({ target: 'compose', balancer, mean })

  describeWithEngine('a tier on Compose', (env) => {
    let place: EnginePlace
    const file = async (): Promise<string> => await readFile(join(place.folder, 'ragscale.yaml'), 'utf8')
    const names = async (): Promise<string[]> => (await place.containers()).map(({ name }) => name)
    const asItWas = ['handbook-balancer-1', 'handbook-embed-1', 'handbook-embed-2']

    beforeAll(async () => {
      place = await enginePlace(env, yaml('80ms'), withinMs)
      await writeFile(join(place.folder, 'queries.txt'), 'What is a shard?\nHow many replicas are enough?\n')
      const up = await place.ragscale('up')
      expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    })
    afterAll(async () => await place.leave())
    // What one test did not end is no part of the next: refused where nothing is under way.
    afterEach(async () => await place.ragscale('rollout', 'abort'))

    /** What came of it, and that no request of a user was lost meanwhile. */
    async function rolledOut(...args: string[]): Promise<Told['rollout']> {
      const users = askingUsers(place.urls.embed, 4)
      const { rollout } = (await place.json('rollout', ...args)) as Told
      const statuses = await users.stop()
      expect([...statuses.keys()], JSON.stringify([...statuses])).toEqual([200])
      expect(await place.json('up', '--dry-run')).toMatchObject({ steps: [] })
      expect(await names()).toEqual(asItWas)
      return rollout
    }

    test('is rolled out by a canary that is as good; the balancer goes on as it is', async () => {
      const before = (await place.containers()).find(({ tier }) => tier === 'balancer')
      const rollout = await rolledOut('canary', 'embed', '--set', 'emulate.mean=40ms', ...quick)
      expect(rollout).toMatchObject({ phase: 'ended', outcome: 'promoted' })
      expect(await file()).toBe(yaml('40ms'))
      expect((await place.containers()).find(({ tier }) => tier === 'balancer')).toEqual(before)
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
  })
})
