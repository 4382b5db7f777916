/** A manager's engine that is restarted while a stack is brought up in its swarm. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Nodes, startNodes } from '../../engine/nodes.ts'
import { whyNoEngine } from '../../engine/prerequisites.ts'
import { makeImages } from '../../images/make.ts'
import { embedOnly } from './stacks.ts'
import { type SwarmPlace, swarmPlace } from './swarm-place.ts'

const withinMs = 240_000
vi.setConfig({ testTimeout: withinMs + 60_000, hookTimeout: 300_000 })

const missing = await whyNoEngine()

describe.skipIf(missing !== null)(
  `an engine of a swarm that goes away${missing === null ? '' : `: NOT CHECKED: ${missing}`}`,
  () => {
    let all: Nodes
    let place: SwarmPlace

    beforeAll(async () => {
      // In a network of its own: the bridge of swarms is one for each.
      all = await startNodes(1)
      const [{ engine, address, inside }] = all.nodes as [Nodes['nodes'][number]]
      await makeImages(['ragscale', 'nginx'], engine.env)
      await engine.docker('swarm', 'init', '--advertise-addr', address)
      const yaml = embedOnly(2).replace('target: compose', 'target: swarm')
      place = await swarmPlace(engine.env, yaml, { withinMs, inside })
      await writeFile(join(place.folder, 'queries.txt'), 'What is a shard?\n')
    })
    afterAll(async () => {
      await place?.leave()
      await all?.close()
    })

    test('is waited for, and its swarm after it, and up goes on to the end', async () => {
      const [{ engine }] = all.nodes as [Nodes['nodes'][number]]
      const up = place.start('up')
      let said = ''
      up.stderr?.on('data', (piece: Buffer) => (said += piece.toString()))
      for (const until = Date.now() + 60_000; !/embed-1 +(waiting|starting)/.test(said);) {
        expect(Date.now(), said).toBeLessThan(until)
        await sleep(100)
      }
      await engine.kill()
      for (const until = Date.now() + 60_000; !said.includes('does not answer since');) {
        expect(Date.now(), said).toBeLessThan(until)
        await sleep(100)
      }
      await engine.start()
      const { exitCode } = await up
      expect(exitCode, said).toBe(0)
      expect(said).toContain('answers again')
      expect(await place.json('up', '--dry-run')).toMatchObject({ steps: [] })
    })
  },
)
