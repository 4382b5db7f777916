/** What `init` writes into `deploy/`. */
import { join } from 'node:path'
import { type Rendering, render } from '../render/render.ts'
import type { Rendered } from '../render/rendered.ts'
import type { Stack } from '../stack/stack.ts'
import { compareWithFolder, writeComparison } from './compare.ts'
import type { Change } from './plan.ts'
import { readTemplates } from './templates.ts'

export interface Deployed {
  /** Absolute. */
  readonly folder: string
  readonly rendering: Rendering
  /** Files of a user are among them as `edited` or `foreign`, and are as they were. */
  readonly changes: readonly Change[]
}

export interface First {
  /** Absolute. */
  readonly folder: string
  readonly rendering: Rendering
  readonly rendered: Rendered
}

/**
 * Renders the stack for its target where that has files, and the CI job always; writes nothing yet.
 * Throws a UserError (exit 2) where the stack cannot be rendered for its target.
 */
export async function renderFirst(stack: Stack): Promise<First> {
  const rendering = stack.target === 'local' || stack.target === 'external' ? 'ci' : stack.target
  const rendered = render(stack, rendering, await readTemplates())
  return { folder: join(stack.folder, 'deploy'), rendering, rendered }
}

/** Throws the system's error, or a UserError where something is in the way. */
export async function deployFirst({ folder, rendering, rendered }: First): Promise<Deployed> {
  const comparison = await compareWithFolder(rendered, rendering, folder)
  await writeComparison(comparison)
  return { folder, rendering, changes: comparison.changes }
}
