import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { run } from '../../src/main.ts'
import type { Runtime } from '../../src/runtime.ts'
import { readStack } from '../../src/stack/load.ts'
import { rolloutOf } from '../../src/loop/rollout/start.ts'
import { fakeRuntime } from './fake-runtime.ts'
import { embedOnly, inFolder } from './up-and-down.ts'

const { ragscale, write, folder, files } = inFolder()

describe('ragscale rollout', () => {
  test.each([
    ['canary embed', 'nothing says what the next version is'],
    ['canary vector --image q:2', 'the nodes of a vector cluster hold its data'],
    ['canary generate --image v:2', 'handbook has no tier generate'],
    ['canary embed --image t:2 --steps 5,50', 'expected shares of 100 that grow and end with 100'],
    ['canary embed --image t:2 --steps 50,25,100', 'expected shares of 100 that grow and end with 100'],
    ['canary embed --image t:2 --max-wait 5s', '--max-wait 5 s is too short'],
    ['canary embed --image t:2 --tolerance 10', 'did you mean 10%?'],
    ['canary embed --model BAAI/bge-large-en-v1.5', 'makes other vectors'],
    ['canary embed --set replicas=3', 'is no version of embed'],
    ['bluegreen embed --image t:2', 'has no SLO of stage embed'],
    ['resume', 'no rollout of handbook is under way'],
    ['abort', 'no rollout of handbook is under way'],
  ])('%s is refused, exit 2, and nothing is left', async (args, message) => {
    const { exitCode, err } = await ragscale(`rollout ${args}`)
    expect(exitCode, err).toBe(2)
    expect(err).toContain(message)
    expect(await files()).not.toContain('deploy')
  })

  test('of a stack that does not run says to start it, exit 4', async () => {
    const { exitCode, err } = await ragscale('rollout canary embed --image t:2')
    expect(exitCode).toBe(4)
    expect(err).toContain('handbook does not run')
    expect(err).toContain('ragscale up')
  })

  test('never had has a status, and as JSON', async () => {
    expect(await ragscale('rollout status')).toMatchObject({
      exitCode: 0,
      out: 'handbook has had no rollout\n',
    })
    const { out } = await ragscale('--json rollout status')
    expect(JSON.parse(out)).toEqual({ schema: 'ragscale.rollout/1', stack: 'handbook', rollout: null })
  })
})

describe('while a rollout is under way', () => {
  async function begun(): Promise<void> {
    await write(embedOnly)
    const { stack } = readStack(embedOnly, join(folder(), 'ragscale.yaml'))
    if (stack === null) throw new Error('the stack is not valid')
    const settings = {
      tolerance: 0.1,
      errorTolerance: 0.005,
      maxWaitMs: 60_000,
      durationMs: 0,
      soakMs: 0,
      keep: false,
    }
    const state = await rolloutOf(
      {
        kind: 'canary',
        tier: 'embed',
        version: { image: 't:2', set: [] },
        shares: [5, 100],
        settings: { ...settings, rate: null, timeoutMs: 60_000 },
      },
      stack,
      fakeRuntime({ cwd: folder() }),
    )
    await mkdir(join(folder(), '.ragscale'))
    await writeFile(join(folder(), '.ragscale', 'rollout.json'), JSON.stringify(state))
  }

  test.each(['up', 'up --dry-run', 'scale embed=3'])(
    '%s is refused, and it is said what to run',
    async (args) => {
      await begun()
      const { exitCode, err } = await ragscale(args)
      expect(exitCode).toBe(2)
      expect(err).toContain('a rollout of embed is at: image t:2, at 5 % of the requests (step 1 of 2)')
      expect(err).toContain('ragscale rollout resume')
      expect(err).toContain('ragscale rollout abort')
    },
  )

  test('its status says where it is', async () => {
    await begun()
    const { out } = await ragscale('rollout status')
    expect(out).toContain('canary of embed to image t:2: at 5 % of the requests (step 1 of 2)')
  })

  test('another one is refused', async () => {
    await begun()
    const { exitCode, err } = await ragscale('rollout canary embed --image t:3')
    expect(exitCode).toBe(2)
    expect(err).toContain('a rollout is under way')
  })

  test('it is gone on with on its own target only', async () => {
    await begun()
    const { exitCode, err } = await ragscale('rollout abort --target compose')
    expect(exitCode).toBe(2)
    expect(err).toContain('the rollout of embed is on target local')
    expect(err).toContain('add --target local')
  })

  test('Ctrl-C before anything is done leaves it where it is', async () => {
    await begun()
    const before = await readFile(join(folder(), '.ragscale', 'rollout.json'), 'utf8')
    const runtime = fakeRuntime({ cwd: folder() })
    const interrupted: Runtime = {
      ...runtime,
      onInterrupt: (listener) => {
        listener(1)
        return () => undefined
      },
    }
    expect(await run(['rollout', 'resume'], interrupted)).toBe(130)
    expect(runtime.err()).toContain('interrupted; nothing was changed')
    expect(await readFile(join(folder(), '.ragscale', 'rollout.json'), 'utf8')).toBe(before)
    expect(await readdir(join(folder(), '.ragscale'))).toEqual(['rollout.json'])
  })

  test('down takes it down with everything else', async () => {
    await begun()
    expect((await ragscale('down --yes')).exitCode).toBe(0)
    await expect(readFile(join(folder(), '.ragscale', 'rollout.json'), 'utf8')).rejects.toThrow(/ENOENT/)
  })
})
