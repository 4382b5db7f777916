/** A stack as the files of a target: every renderer's, joined, each file with its header. Pure. */
import type { Stack } from '../stack/stack.ts'
import { renderCi } from './ci/ci.ts'
import { withHeader } from './header.ts'
import type { Rendered, Templates } from './rendered.ts'
import { renderSystemd } from './systemd/systemd.ts'
import { type RenderTarget, renderTargets } from './topology.ts'
import { topologyOf } from './workloads.ts'

/** What may be asked for: a target, or the CI job alone, which every stack has. */
export const renderings = [...renderTargets, 'ci'] as const
export type Rendering = (typeof renderings)[number]

/**
 * The files of `deploy/` for a target, in the order of their paths; `deploy/ci/` is among them. The same stack and
 * templates give the same bytes. Throws a UserError (exit 2) where the stack cannot be rendered for the target.
 */
export function render(stack: Stack, rendering: Rendering, templates: Templates): Rendered {
  const files = new Map<string, string>()
  const parts = rendering === 'ci' ? [] : partsOf(stack, rendering, templates)
  for (const part of [...parts, renderCi(stack, templates)]) {
    for (const [path, text] of part) {
      if (files.has(path)) throw new Error(`two renderers write ${path}`)
      files.set(path, withHeader(path, text))
    }
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function partsOf(stack: Stack, target: RenderTarget, templates: Templates): Rendered[] {
  const topology = topologyOf(stack, target)
  switch (target) {
    case 'systemd':
      return [renderSystemd(topology, templates)]
    default:
      throw new Error(`nothing renders ${target}`)
  }
}
