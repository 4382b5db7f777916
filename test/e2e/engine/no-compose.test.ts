/** A machine with an engine and without `docker compose`: ragscale does what Compose would. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { ask } from './asking.ts'
import { type EnginePlace, enginePlace } from './place.ts'
import { embedOnly } from './stacks.ts'

describeWithEngine('a stack on an engine without docker compose', (env) => {
  let place: EnginePlace
  let before: string[]
  let noPlugins: string

  beforeAll(async () => {
    noPlugins = await mkdtemp(join(tmpdir(), 'ragscale-no-plugins-'))
    place = await enginePlace({ ...env, DOCKER_CONFIG: noPlugins }, embedOnly(2))
    before = await place.everything()
  })

  afterAll(async () => {
    await place.leave()
    await rm(noPlugins, { recursive: true })
  })

  test('comes up and serves', async () => {
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    expect(await ask(`${place.urls.embed}/embed`, { inputs: 'What is a shard?' })).toBe(200)
    expect(await place.json('up')).toMatchObject({ changes: [] })
  })

  test('is scaled, and goes back to what the file says', async () => {
    const tier = async (): Promise<number> =>
      (await place.containers()).filter((one) => one.tier === 'embed' && one.running).length
    expect(await place.ragscale('scale', 'embed=3')).toMatchObject({ exitCode: 0 })
    expect(await tier()).toBe(3)
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
    expect(await tier()).toBe(2)
  })

  test('is not given an override that only Compose can read, and says what to install', async () => {
    const running = await place.containers()
    await place.override({ embed: { stop_grace_period: '5s' } })
    const up = await place.ragscale('up')
    expect(up.exitCode).toBe(3)
    expect(up.stderr).toContain('compose.override.yaml')
    expect(await place.containers()).toEqual(running)
    await place.remove('deploy/compose/compose.override.yaml')
  })

  test('goes down without a trace', async () => {
    expect(await place.ragscale('down', '--volumes', '--yes')).toMatchObject({ exitCode: 0 })
    expect(await place.everything()).toEqual(before)
  })
})
