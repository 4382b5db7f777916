/** A stack as the files of a target: every renderer's, joined, each file with its header. Pure. */
import type { Stack } from '../stack/stack.ts'
import { renderCi } from './ci/ci.ts'
import { renderCompose } from './compose/compose.ts'
import { sourceOf, withHeader } from './header.ts'
import { renderHelm } from './helm/helm.ts'
import { renderObservability } from './observability/observability.ts'
import type { Rendered, Templates } from './rendered.ts'
import { renderSwarm } from './swarm/swarm.ts'
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
  const source = sourceOf(stack)
  const parts = rendering === 'ci' ? [] : partsOf(stack, rendering, templates)
  for (const part of [...parts, renderCi(stack, templates)]) {
    for (const [path, text] of part) {
      if (files.has(path)) throw new Error(`two renderers write ${path}`)
      files.set(path, withHeader(path, text, source))
    }
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function partsOf(stack: Stack, target: RenderTarget, templates: Templates): Rendered[] {
  const topology = topologyOf(stack, target)
  switch (target) {
    case 'compose':
      // With what observes it, since that is mounted.
      return [renderCompose(topology, templates), image(templates)]
    case 'swarm':
      return [renderSwarm(topology, templates), image(templates)]
    case 'kubernetes':
      return [renderHelm(topology, templates), renderObservability(topology, templates), image(templates)]
    case 'systemd':
      return [renderSystemd(topology, templates), renderObservability(topology, templates)]
  }
}

/** What our own image is built from: nothing publishes it. */
function image(templates: Templates): Rendered {
  return new Map([...templates].filter(([path]) => path.startsWith('image/')))
}
