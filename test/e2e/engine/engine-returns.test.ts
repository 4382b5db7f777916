/** An engine that is stopped or restarted while a command waits for a stack: what it had begun is brought to its end. */
import { afterEach, expect, test } from 'vitest'
import { type Engine, type EngineOptions, startEngine } from '../../engine/engine.ts'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { copyImages } from '../../images/import.ts'
import { publishedTag, tagOf } from '../../images/make.ts'
import { type EnginePlace, type Seen, enginePlace } from './place.ts'
import { embedOnly } from './stacks.ts'

const patience = { timeout: 60_000, interval: 20 }
const whole = ['handbook-balancer-1', 'handbook-embed-1', 'handbook-embed-2']

describeWithEngine('a change of a stack on Compose, while the engine goes away and comes back,', (shared) => {
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

  async function running(): Promise<Seen[]> {
    return (await place.containers()).filter((one) => one.running)
  }

  const names = async (): Promise<string[]> => (await running()).map(({ name }) => name)

  /** Resolves when the command has said it. */
  async function untilSaid(command: ReturnType<EnginePlace['start']>, what: RegExp): Promise<void> {
    let said = ''
    command.stderr.on('data', (text: Buffer) => (said += text.toString()))
    await expect.poll(() => said, patience).toMatch(what)
  }

  test.each([
    ['killed', 'kill', 'all run and are not yet healthy', async () => (await running()).length === 3],
    ['stopped', 'stop', 'all run and are not yet healthy', async () => (await running()).length === 3],
    ['killed', 'kill', 'Compose makes them', async () => (await place.containers()).length > 0],
    ['stopped', 'stop', 'Compose makes them', async () => (await place.containers()).length > 0],
  ] as const)('goes on to its end where the engine is %s (%s) when %s', async (_, end, __, reached) => {
    await open()
    const up = place.start('up')
    await expect.poll(reached, patience).toBe(true)
    const away = untilSaid(
      up,
      /the Docker engine at \S+ does not answer since \d\d:\d\d:\d\d: waiting for it/,
    )
    await engine[end]()
    await away
    await engine.start()
    const { exitCode, stderr } = await up
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toMatch(/the Docker engine answers again, after \d+s: going on/)
    expect(await names()).toEqual(whole)
    expect(await place.json('up')).toMatchObject({ changes: [] })
  })

  test('goes on with containers that ran on without it', async () => {
    await open({ liveRestore: true })
    const up = place.start('up')
    await expect.poll(async () => (await running()).length, patience).toBe(3)
    const before = await running()
    const away = untilSaid(up, /does not answer since/)
    await engine.stop()
    await away
    await engine.start()
    const { exitCode, stderr } = await up
    expect(exitCode, stderr).toBe(0)
    expect(await running()).toEqual(before)
  })

  test('is given up after --timeout, says since when nobody answers, and is finished by the next up', async () => {
    await open()
    const up = place.start('up', '--timeout', '12s')
    await expect.poll(async () => (await running()).length, patience).toBe(3)
    await engine.stop()
    const { exitCode, stderr } = await up
    expect(exitCode, stderr).toBe(4)
    expect(stderr).toMatch(/the Docker engine at unix:\S+ has not answered since \d\d:\d\d:\d\d, for 1\ds/)
    expect(stderr).toMatch(/Start it again .* goes on from where it is/)
    await engine.start()
    const again = await place.ragscale('up')
    expect(again, again.stderr).toMatchObject({ exitCode: 0 })
    expect(await names()).toEqual(whole)
  })

  test('is interrupted while nobody answers, and says that nothing was taken back', async () => {
    await open()
    const up = place.start('up')
    await expect.poll(async () => (await running()).length, patience).toBe(3)
    const away = untilSaid(up, /does not answer since/)
    await engine.kill()
    await away
    up.kill('SIGINT')
    const { exitCode, stderr } = await up
    expect(exitCode, stderr).toBe(130)
    expect(stderr).toMatch(/Interrupted\. The Docker engine does not answer/)
    await engine.start()
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
    expect(await names()).toEqual(whole)
  })

  test('scales to its end as well', async () => {
    await open()
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
    const scale = place.start('scale', 'embed=4')
    await expect.poll(async () => (await place.containers()).length, patience).toBeGreaterThan(3)
    const away = untilSaid(scale, /does not answer since/)
    await engine.stop()
    await away
    await engine.start()
    const { exitCode, stderr } = await scale
    expect(exitCode, stderr).toBe(0)
    expect(await names()).toEqual([...whole, 'handbook-embed-3', 'handbook-embed-4'])
  })
})
