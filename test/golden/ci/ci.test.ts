import { expect, test } from 'vitest'
import { readTemplates } from '../../../src/deployed/templates.ts'
import { render } from '../../../src/render/render.ts'
import type { Preset } from '../../../src/stack/presets.ts'
import type { Target } from '../../../src/stack/stack.ts'
import { presetStack } from '../../unit/render/preset-stack.ts'

const templates = await readTemplates()

const stacks: readonly (readonly [Preset | 'external', Target])[] = [
  ['laptop', 'local'],
  ['small', 'compose'],
  ['production', 'kubernetes'],
  ['external', 'external'],
]

test.each(stacks)('the CI jobs of %s on %s are as they were', async (preset, target) => {
  for (const [path, text] of render(await presetStack(preset, target), 'ci', templates)) {
    await expect(text).toMatchFileSnapshot(`${preset}.${target}/${path.slice('ci/'.length)}`)
  }
})
