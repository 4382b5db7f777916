import { describe, expect, it } from 'vitest'
import { render } from '../../../src/render/render.ts'
import { observabilityRoot } from '../../../src/render/observability/places.ts'
import type { RenderTarget } from '../../../src/render/topology.ts'
import { presetStack, templates } from '../../unit/render/rendered-stack.ts'

/** What of each target is kept: the tests of every file's meaning are elsewhere, this shows a reader what changed. */
const kept: readonly (readonly [preset: 'laptop' | 'production', target: RenderTarget, files: RegExp])[] = [
  [
    'production',
    'compose',
    /^(prometheus|collector|grafana\/provisioning|grafana\/dashboards\/(overview|generate))/,
  ],
  ['production', 'swarm', /^prometheus\/prometheus\.yml$/],
  ['production', 'kubernetes', /^prometheus\/rules\/recording/],
  ['production', 'systemd', /^prometheus\/(?!rules\/alerts)/],
  ['laptop', 'compose', /^prometheus\/rules\/recording/],
]

describe.each(kept)('what watches %s on %s', async (preset, target, wanted) => {
  const root = `${observabilityRoot[target]}/`
  const files = [...render(await presetStack(preset), target, templates)]
    .filter(([path]) => path.startsWith(root))
    .map(([path, text]) => [path.slice(root.length), text] as const)
    .filter(([path]) => wanted.test(path))

  it.each(files)('%s is as it was', async (path, text) => {
    await expect(text).toMatchFileSnapshot(`${preset}-${target}/${path}`)
  })
})
