/** What an engine itself can do to a stack: each in an engine of its own. */
import { afterEach, expect, test } from 'vitest'
import { type Engine, type EngineOptions, startEngine } from '../../engine/engine.ts'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { copyImages } from '../../images/import.ts'
import { publishedTag, tagOf } from '../../images/make.ts'
import { type EnginePlace, enginePlace } from './place.ts'
import { embedOnly } from './stacks.ts'

const patience = { timeout: 60_000, interval: 50 }

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

  test.each(['kill', 'stop'] as const)(
    'says so after a %s of the engine under it, and finishes once it is back',
    async (end) => {
      await open()
      const up = place.start('up')
      // In the very moment of a start it would leave a task of containerd's behind, which only `docker rm` ends.
      const running = async (): Promise<number> =>
        (await place.containers()).filter((one) => one.running).length
      await expect.poll(running, patience).toBe(3)
      await engine[end]()
      const { exitCode, stderr } = await up
      expect([3, 4], stderr).toContain(exitCode)
      expect(stderr).toMatch(/engine/i)
      await engine.start()
      const again = await place.ragscale('up')
      expect(again, again.stderr).toMatchObject({ exitCode: 0 })
      expect((await place.containers()).filter(({ running }) => running)).toHaveLength(3)
    },
  )

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
