import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeWith } from '../../tools/describe-with.ts'
import { chartFolder, releaseOf } from '../../unit/render/helm/release.ts'
import { chartOf, presets, presetStack } from '../../unit/render/helm/stacks.ts'

vi.setConfig({ testTimeout: 120_000 })

/** What the stack says of a chart; its templates are the same for all of them, and are seen in the release. */
const said = ['values.yaml', 'qdrant-values.yaml', 'prometheus-adapter-values.yaml', 'Chart.yaml']

describe.each(presets)('the chart of %s', (name) => {
  const rendered = [...chartOf(presetStack(name))].filter(([path]) => said.includes(lastOf(path)))

  test.each(rendered)('%s is as it was', async (path, text) => {
    await expect(text).toMatchFileSnapshot(`${name}/${lastOf(path)}`)
  })
})

test('the schema of values is as it was', async () => {
  const schema = chartOf(presetStack('laptop')).get('helm/ragscale/values.schema.json') ?? ''
  await expect(schema).toMatchFileSnapshot('schema/values.schema.json')
})

await describeWith('helm', 'what Helm makes of it', (program) => {
  const folders = new Map<string, { path: string; close: () => void }>()
  beforeAll(() => {
    for (const name of presets) folders.set(name, chartFolder(chartOf(presetStack(name))))
  })
  afterAll(() => folders.forEach(({ close }) => close()))

  test.each(presets)('of %s is as it was', async (name) => {
    const { text } = releaseOf(program, folders.get(name)?.path ?? '')
    await expect(text).toMatchFileSnapshot(`${name}/release.yaml`)
  })
})

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
