/** Images from a registry: how far a pull is, and what is said when there is no such image. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Engine, openEngine } from '../../../src/targets/docker/engine.ts'
import { pullImage } from '../../../src/targets/docker/pull.ts'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { type Registry, startRegistry } from './registry.ts'

describeWithEngine('an image that is not on the engine', (env) => {
  let engine: Engine
  let registry: Registry
  beforeAll(async () => {
    engine = await openEngine(env)
    registry = await startRegistry(4_000_000)
  })
  afterAll(() => registry.close())

  /** What was said on the way. */
  async function pull(image: string, signal = new AbortController().signal): Promise<string[]> {
    const said: string[] = []
    await pullImage(engine, image, {
      signal,
      timeoutMs: 60_000,
      env,
      onProgress: (progress) => {
        if (progress.kind === 'replica') said.push(progress.replica.because ?? '')
      },
    })
    return said
  }

  test('is pulled, with its bytes counted', async () => {
    const image = `${registry.address}/some/image:1`
    const said = await pull(image)
    expect(said.filter((line) => /^pulling \d+ MiB of 4 MiB$/.test(line)).length).toBeGreaterThan(1)
    expect(said.at(-1)).toBe('is there, 4 MiB pulled')
    await engine.docker.getImage(image).remove()
  })

  test('that no registry has is said to be missing, and which key names another', async () => {
    await expect(pull(`${registry.address}/some/gone:1`)).rejects.toMatchObject({
      exitCode: 3,
      message: `${registry.address}/some/gone:1 could not be pulled: manifest unknown`,
      hint: expect.stringContaining('tiers.<tier>.image'),
    })
  })

  test('is given up at once when somebody interrupts', async () => {
    const interrupt = new AbortController()
    setTimeout(() => interrupt.abort(), 300)
    const image = `${registry.address}/some/image:2`
    await expect(pull(image, interrupt.signal)).rejects.toMatchObject({ name: 'AbortError' })
  })
})
