import { readStack } from '../../../src/stack/load.ts'
import { type Preset, presetText } from '../../../src/stack/presets.ts'
import { applyChanges } from '../../../src/stack/save.ts'
import type { Stack, Target } from '../../../src/stack/stack.ts'

/** A preset on a target, with changes by key (`tiers.embed.replicas`). */
export async function presetStack(
  name: Preset | 'external',
  target: Target,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Stack> {
  const all = { target, ...changes }
  const edits = Object.entries(all).map(([path, value]) => ({ path, value }))
  const { text } = applyChanges(await presetText(name), edits, '/stacks/preset/ragscale.yaml', '/stacks')
  const { stack, problems } = readStack(text, '/stacks/preset/ragscale.yaml')
  if (stack === null) throw new Error(problems.map(({ message }) => message).join('\n'))
  return stack
}
