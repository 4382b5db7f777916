/** Stacks that the chart is rendered from: the presets, as they are and changed. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Rendered } from '../../../../src/render/rendered.ts'
import { render } from '../../../../src/render/render.ts'
import { readTemplates } from '../../../../src/deployed/templates.ts'
import { readStack } from '../../../../src/stack/load.ts'
import type { Stack } from '../../../../src/stack/stack.ts'

export const presets = ['laptop', 'small', 'production'] as const
export type PresetName = (typeof presets)[number]

// oxlint-disable-next-line typescript/no-explicit-any -- a parsed YAML file, changed as a user would.
type File = any

/** A preset, after a change to what its file holds. */
export function presetStack(name: PresetName, change: (file: File) => void = () => {}): Stack {
  const text = readFileSync(new URL(`../../../../templates/presets/${name}.yaml`, import.meta.url), 'utf8')
  const file = parse(text)
  change(file)
  // JSON is YAML.
  const { stack, problems } = readStack(JSON.stringify(file), `/stacks/${name}/ragscale.yaml`)
  if (stack !== null) return stack
  throw new Error(problems.map(({ message }) => message).join('\n'))
}

const templates = await readTemplates()

/** The chart with its rules and dashboards, and what lies beside it, as it is written; paths below `deploy/`. */
export function chartOf(stack: Stack): Rendered {
  return new Map([...render(stack, 'kubernetes', templates)].filter(([path]) => path.startsWith('helm/')))
}

/** A text of the rendered files. */
export function fileOf(rendered: Rendered, path: string): string {
  const text = rendered.get(path)
  if (text === undefined) throw new Error(`nothing renders ${path}`)
  return text
}
