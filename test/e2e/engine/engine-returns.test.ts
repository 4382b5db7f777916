/** An engine that is stopped or restarted while a command waits for a stack: what it had begun is brought to its end. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
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

  /** A balancer that starts asks the engine for names, and ends where nobody answers. */
  async function untilServed(): Promise<void> {
    const asked = async (): Promise<number> => (await fetch(`${place.urls.embed}/health`)).status
    await expect.poll(async () => await asked().catch(() => 0), patience).toBe(200)
    expect(await running()).toHaveLength(3)
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
    // So that `up` still waits for it when it serves.
    await place.override({ balancer: { healthcheck: { interval: '15s' } } })
    const up = place.start('up')
    await untilServed()
    const before = await running()
    const away = untilSaid(up, /does not answer since/)
    await engine.stop()
    await away
    await engine.start()
    const { exitCode, stderr } = await up
    expect(exitCode, stderr).toBe(0)
    expect(await running()).toEqual(before)
  })

  test('that was killed is ended by the next up, where its containers ran on without the engine', async () => {
    await open({ liveRestore: true })
    const killed = place.start('up')
    await untilServed()
    killed.kill('SIGKILL')
    await killed
    const before = await running()
    await engine.stop()
    await engine.start()
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    expect(await running()).toEqual(before)
    expect(await place.json('up', '--dry-run')).toMatchObject({ steps: [] })
  })

  test('is planned by up where what served ran on, and its health was checked no more', async () => {
    await open({ liveRestore: true })
    await place.override({ embed: { healthcheck: { interval: '1s', timeout: '3s' } } })
    expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
    const before = await running()
    await engine.stop()
    await engine.start()
    const planned = async (): Promise<string[]> => {
      const { steps } = (await place.json('up', '--dry-run')) as { steps: { what: string }[] }
      return steps.map(({ what }) => what)
    }
    await expect
      .poll(planned, { timeout: 90_000, interval: 2_000 })
      .toEqual(expect.arrayContaining([1, 2].map((n) => `have the health of embed-${n} checked again`)))
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    expect(await running()).toEqual(before)
    expect(await planned()).not.toContain('have the health of embed-1 checked again')
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

  /**
   * The engine is killed in the moment in which containerd has a container's task and nobody has been told. Returns
   * whether it was that moment: then the next engine knows nothing of the task.
   */
  async function killedInAStart(name: string): Promise<boolean> {
    const id = await engine.docker('inspect', '--format', '{{.Id}}', name)
    const task = join(engine.folder, 'exec/containerd/daemon/io.containerd.runtime.v2.task/moby', id)
    const starting = execa('docker', ['start', name], { env: engine.env, reject: false })
    const isThere = async (): Promise<boolean> =>
      await access(join(task, 'init.pid')).then(
        () => true,
        () => false,
      )
    while (!(await isThere())) await sleep(1)
    await engine.kill()
    await starting
    await engine.start()
    const runs = await engine.docker('inspect', '--format', '{{.State.Running}}', name)
    return runs === 'false' && (await isThere())
  }

  test.each([
    ['up finds it so', true],
    ['up is told so when it starts it', false],
  ] as const)(
    'makes a container anew that the engine was starting when it was killed, where %s',
    async (_, known) => {
      await open()
      expect(await place.ragscale('up')).toMatchObject({ exitCode: 0 })
      const name = 'handbook-embed-2'
      let happened = false
      for (let attempt = 0; attempt < 8 && !happened; attempt++) {
        await engine.docker('stop', '--time', '1', name)
        happened = await killedInAStart(name)
      }
      expect(happened, 'the moment was not met').toBe(true)
      if (known) {
        const refused = await execa('docker', ['start', name], { env: engine.env, reject: false })
        expect(refused.stderr).toMatch(/already (?:exists|in use)/)
        const plan = await place.ragscale('up', '--dry-run')
        expect(plan.stdout).toMatch(/^remove embed-2, to make it anew$/m)
      }
      const others = (await running()).filter((one) => one.name !== name)
      const up = await place.ragscale('up')
      expect(up, up.stderr).toMatchObject({ exitCode: 0 })
      if (!known) expect(up.stderr).toMatch(/has a task of it left/)
      expect(await names()).toEqual(whole)
      expect(await running()).toEqual(expect.arrayContaining(others))
      expect(await place.json('up')).toMatchObject({ changes: [] })
    },
  )

  test('tells of a container that was killed for its memory and started again between two looks', async () => {
    await open()
    // Their health is found out long after: so long up waits.
    await place.override({ embed: { healthcheck: { interval: '15s' } } })
    const up = place.start('up')
    await expect.poll(async () => (await running()).length, patience).toBe(3)
    // What lies there counts as its memory, and the largest of its processes is the server.
    const filling = 'dd if=/dev/zero of=/tmp/full bs=1M count=600'
    await execa('docker', ['exec', 'handbook-embed-2', 'sh', '-c', filling], {
      env: engine.env,
      reject: false,
    })
    const { exitCode, stderr } = await up
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toMatch(
      /embed-2 was started again by the engine: it ran out of its memory of 512 MiB and was killed/,
    )
  })
})
