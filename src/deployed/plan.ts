/** What a rendering would change in `deploy/`: pure, from what is rendered, what is there, and what was written before. */
import type { Rendered } from '../render/rendered.ts'
import { type Manifest, hashOf, isOurs } from './manifest.ts'

/**
 * - `wrote`: it was not there;
 * - `changed`: it is there as we wrote it, and is rendered otherwise now;
 * - `unchanged`: it is there as it is rendered;
 * - `edited`: somebody has changed what we wrote: not to be replaced without being asked;
 * - `foreign`: it is there and we did not write it: the same;
 * - `removed`: we wrote it, it is as we wrote it, and it is rendered no longer;
 * - `kept`: we wrote it and it is rendered no longer, but somebody has changed it: from now on it is theirs.
 */
export type ChangeKind = 'wrote' | 'changed' | 'unchanged' | 'edited' | 'foreign' | 'removed' | 'kept'

export interface Change {
  /** Relative to the folder, with `/`. */
  readonly path: string
  readonly kind: ChangeKind
  /** Null where nothing is there, or nothing shall be. */
  readonly before: string | null
  readonly after: string | null
}

/** What is on the disk at a path: a file's text, or null. */
export type Found = ReadonlyMap<string, string | null>

/** The paths that `planChanges` has to know of. */
export function pathsOf(rendered: Rendered, manifest: Manifest, target: string): string[] {
  return [...new Set([...rendered.keys(), ...Object.keys(manifest.targets[target] ?? {})])].sort()
}

/** In the order of their paths. */
export function planChanges(rendered: Rendered, found: Found, manifest: Manifest, target: string): Change[] {
  const others = Object.entries(manifest.targets).filter(([name]) => name !== target)
  return pathsOf(rendered, manifest, target).flatMap((path): Change[] => {
    if (path.includes('.override.')) throw new Error(`${path} is a user's own: render must not write it`)
    const before = found.get(path) ?? null
    const after = rendered.get(path) ?? null
    const change = (kind: ChangeKind): Change[] => [{ path, kind, before, after }]
    if (after !== null) {
      if (before === null) return change('wrote')
      if (before === after) return change('unchanged')
      if (isOurs(manifest, path, hashOf(before))) return change('changed')
      return change(wasWritten(manifest, path) ? 'edited' : 'foreign')
    }
    // Already gone, or another target's as well.
    if (before === null || others.some(([, files]) => Object.hasOwn(files, path))) return []
    return change(isOurs(manifest, path, hashOf(before)) ? 'removed' : 'kept')
  })
}

/** Those that need a user's word before they may be replaced. */
export function conflictsAmong(changes: readonly Change[]): Change[] {
  return changes.filter(({ kind }) => kind === 'edited' || kind === 'foreign')
}

/** Whether the folder is not what would be rendered. */
export function hasDrift(changes: readonly Change[]): boolean {
  return changes.some(({ kind }) => kind !== 'unchanged' && kind !== 'kept')
}

function wasWritten({ targets, writing }: Manifest, path: string): boolean {
  return [...Object.values(targets), writing ?? {}].some((files) => Object.hasOwn(files, path))
}
