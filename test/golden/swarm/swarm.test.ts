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

describe.each(presetNames)('%s for Swarm', async (name) => {
  const files = filesOf(await presetStack(name), 'swarm')

  it.each([...files].filter(([path]) => !watching(path)))('%s is as it was', async (path, text) => {
    await expect(text).toMatchFileSnapshot(`${name}/${path}`)
  })
})

/** Of a service, as it would be sent to the engine. */
interface Specification {
  readonly TaskTemplate: {
    readonly ContainerSpec: { readonly Args?: readonly string[]; readonly Secrets?: readonly unknown[] }
    readonly Resources: { readonly Reservations: { readonly GenericResources: readonly unknown[] | null } }
  }
}

const stackFiles = ['stack.yaml', 'observability.yaml', 'tracing.yaml', 'gpu-metrics.yaml', 'stages.yaml']

await describeWith('docker-stack-check', 'docker stack deploy', (check) => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ragscale-swarm-'))
  })
  afterAll(async () => rm(folder, { recursive: true, force: true }))

  it.each([...presetNames, 'everything'] as const)(
    'would take %s, alone and with every profile',
    async (name) => {
      const stack = name === 'everything' ? stackFrom(everything) : await presetStack(name)
      const files = filesOf(stack, 'swarm')
      const given = stackFiles.filter((file) => files.has(file))
      const parsed = given.map((file) => yamlValue(files.get(file) ?? ''))
      const at = join(folder, name)
      await writeFiles(
        at,
        files,
        parsed.flatMap(({ secrets = {} }) => Object.keys(secrets)),
      )

      await run(check, [join(at, 'stack.yaml')])
      const specifications = JSON.parse(
        await run(
          check,
          given.map((file) => join(at, file)),
        ),
      ) as Record<string, Specification>
      expect(Object.keys(specifications).sort()).toEqual(
        [...new Set(parsed.flatMap(({ services }) => Object.keys(services)))].sort(),
      )
      if (name !== 'everything') return
      const { TaskTemplate } = specifications['generate'] ?? {}
      expect(TaskTemplate?.Resources.Reservations.GenericResources).toEqual([
        { DiscreteResourceSpec: { Kind: 'GPU', Value: 2 } },
      ])
    },
    60_000,
  )
})
