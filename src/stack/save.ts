import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setPath } from './edit.ts'
import { readStack, shownPath } from './load.ts'
import { ConfigError } from './problems.ts'
import type { Stack } from './stack.ts'
import { writeWhole } from '../whole-file.ts'

export interface Change {
  /** `tiers.embed.replicas` */
  readonly path: string
  /** Undefined takes the key out. */
  readonly value: unknown
}

/** The text with all changes, and the stack that it then is. Throws a ConfigError (exit 2) when that would not be one. */
export function applyChanges(
  text: string,
  changes: readonly Change[],
  file: string,
  cwd: string,
): { text: string; stack: Stack } {
  const changed = changes.reduce((result, change) => setPath(result, change.path, change.value), text)
  const { stack, problems } = readStack(changed, file)
  if (stack === null) throw new ConfigError(shownPath(file, cwd), problems)
  return { text: changed, stack }
}

/**
 * Changes `ragscale.yaml` on disk, whole or not at all, and only into a file that is right. Answers with the
 * stack that it then is. Throws a ConfigError (exit 2), or the file system's error.
 */
export async function editStack(file: string, changes: readonly Change[], cwd: string): Promise<Stack> {
  const path = resolve(cwd, file)
  const before = await readFile(path, 'utf8')
  const { text, stack } = applyChanges(before, changes, path, cwd)
  if (text !== before) await writeWhole(path, text)
  return stack
}
