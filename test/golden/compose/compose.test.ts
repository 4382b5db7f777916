import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { presetNames } from '../../../src/stack/presets.ts'
import { run } from '../../tools/command.ts'
import { describeWith } from '../../tools/describe-with.ts'
import { filesOf, presetStack, stackFrom, writeFiles, yamlValue } from '../../unit/render/rendered-stack.ts'
import { everything } from '../everything.ts'
import { watching } from '../watching.ts'

describe.each(presetNames)('%s for Compose', async (name) => {
  const files = filesOf(await presetStack(name), 'compose')

  it.each([...files].filter(([path]) => !watching(path)))('%s is as it was', async (path, text) => {
    await expect(text).toMatchFileSnapshot(`${name}/${path}`)
  })
})

await describeWith('docker-compose', 'docker compose config', (compose) => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ragscale-compose-'))
  })
  afterAll(async () => rm(folder, { recursive: true, force: true }))

  it.each([...presetNames, 'everything'] as const)(
    'takes %s with every profile',
    async (name) => {
      const stack = name === 'everything' ? stackFrom(everything) : await presetStack(name)
      const files = filesOf(stack, 'compose')
      const written = yamlValue(files.get('compose.yaml') ?? '')
      const at = join(folder, name)
      await writeFiles(at, files, Object.keys(written.secrets ?? {}))
      const taken = yamlValue(
        await run(compose, ['--file', join(at, 'compose.yaml'), '--profile', '*', 'config']),
      )
      expect(Object.keys(taken.services).sort()).toEqual(Object.keys(written.services).sort())
      for (const [service, { entrypoint, healthcheck }] of Object.entries(written.services)) {
        // It writes a `$` as it is written to it: so each arrives, and none was taken for a variable.
        if (entrypoint !== undefined) expect(taken.services[service]?.entrypoint).toEqual(entrypoint)
        expect(taken.services[service]?.healthcheck?.test).toEqual(healthcheck?.test)
      }
    },
    60_000,
  )
})
