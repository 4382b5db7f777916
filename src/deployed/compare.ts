/** A rendering beside what is in `deploy/`, and the one made to be the other. */
import type { Rendered } from '../render/rendered.ts'
import { type Applied, applyChanges, readFound } from './folder.ts'
import { type Manifest, hashOf, readManifest } from './manifest.ts'
import { type Change, pathsOf, planChanges } from './plan.ts'

export interface Comparison {
  /** Absolute. */
  readonly folder: string
  readonly rendering: string
  readonly rendered: Rendered
  readonly manifest: Manifest
  /** In the order of their paths. */
  readonly changes: readonly Change[]
}

/** Reads and writes nothing else. Throws a UserError, or the system's error. */
export async function compareWithFolder(
  rendered: Rendered,
  rendering: string,
  folder: string,
): Promise<Comparison> {
  const manifest = await readManifest(folder)
  const found = await readFound(folder, pathsOf(rendered, manifest, rendering))
  return { folder, rendering, rendered, manifest, changes: planChanges(rendered, found, manifest, rendering) }
}

/**
 * Carries the changes out, but for those files of a user that `mayReplace` does not hold.
 * @throws the system's error; doing it again goes on
 */
export async function writeComparison(
  { folder, rendering, manifest, changes }: Comparison,
  mayReplace: ReadonlySet<string> = new Set(),
): Promise<Applied> {
  const left = (change: Change): boolean =>
    (change.kind === 'edited' || change.kind === 'foreign') && !mayReplace.has(change.path)
  const written = changes.flatMap(({ path, kind, after }): [string, string][] =>
    after === null || left({ path, kind, before: null, after }) ? [] : [[path, hashOf(after)]],
  )
  // A user's version of our file stays known as that, and is asked about again.
  const before = manifest.targets[rendering] ?? {}
  const edited = changes.flatMap(({ path, kind }): [string, string][] => {
    const hash = before[path]
    return kind === 'edited' && !mayReplace.has(path) && hash !== undefined ? [[path, hash]] : []
  })
  const next: Manifest = {
    targets: { ...manifest.targets, [rendering]: Object.fromEntries([...written, ...edited]) },
  }
  return await applyChanges(
    folder,
    changes.filter((change) => !left(change)),
    manifest,
    next,
  )
}
