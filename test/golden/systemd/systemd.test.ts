import { expect, test } from 'vitest'
import { readTemplates } from '../../../src/deployed/templates.ts'
import { render } from '../../../src/render/render.ts'
import { presetNames } from '../../../src/stack/presets.ts'
import { presetStack } from '../../unit/render/preset-stack.ts'

const templates = await readTemplates()

test.each(presetNames)('%s on plain hosts is as it was', async (preset) => {
  const rendered = render(await presetStack(preset, 'local'), 'systemd', templates)
  for (const [path, text] of rendered) {
    // What observes it has golden files of its own.
    if (/^systemd\/(prometheus|grafana)\//.test(path) || !path.startsWith('systemd/')) continue
    await expect(text).toMatchFileSnapshot(`${preset}/${path.slice('systemd/'.length)}`)
  }
})
