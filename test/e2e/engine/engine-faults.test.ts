/** What an engine itself can do to a stack: each in an engine of its own. */
import { afterEach, expect, test } from 'vitest'
import { type Engine, type EngineOptions, startEngine } from '../../engine/engine.ts'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { copyImages } from '../../images/import.ts'
import { publishedTag, tagOf } from '../../images/make.ts'
import { type EnginePlace, enginePlace } from './place.ts'
import { embedOnly } from './stacks.ts'

describeWithEngine('up on Compose', (shared) => {
  let engine: Engine
  let place: EnginePlace

  afterEach(async () => {
    await place.leave()
    await engine.close()
  })

  async function open(options: EngineOptions = {}): Promise<void> {
    engine = await startEngine(options)
    place = await enginePlace(engine.env, embedOnly(2))
    await copyImages([await publishedTag(), tagOf('nginx')], shared, engine.env)
  }

  test('says what to start where no engine answers, and so do status and down', async () => {
    await open()
    await engine.stop()
    for (const command of ['up', 'status', 'down']) {
      const { exitCode, stderr } = await place.ragscale(command)
      expect({ command, exitCode, stderr }).toMatchObject({ exitCode: 3 })
      expect(stderr).toContain('docker.sock')
      expect(stderr).toMatch(/start/i)
    }
  })

  test('says that the disk is full, and finishes once there is room', async () => {
    await open({ diskMib: 800 })
    const mounted = '--network none --user 0 --volume full:/data nginx:test'.split(' ')
    await engine.docker('run', '--rm', ...mounted, 'sh', '-c', 'dd if=/dev/zero of=/data/full bs=1M; true')
    const up = await place.ragscale('up', '--timeout', '60s')
    expect(up.exitCode).not.toBe(0)
    expect(up.stderr).toMatch(/disk of the Docker engine is full/)
    await engine.docker('volume', 'rm', 'full')
    const again = await place.ragscale('up')
    expect(again, again.stderr).toMatchObject({ exitCode: 0 })
  })
})
