/** `deploy/` on the disk: what is there, and a plan carried out. Decides nothing. */
import { constants, copyFile, readFile, rm, rmdir } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { UserError } from '../errors.ts'
import { makeFolder } from '../folder.ts'
import { writeWhole } from '../whole-file.ts'
import { type Manifest, hashOf, writeManifest } from './manifest.ts'
import type { Change, Found } from './plan.ts'

/** Where what a user had made goes when it is replaced: no tool that reads `deploy/` by a pattern looks in there. */
export const replacedFolder = '.replaced'

/** Files that are written at once: each waits for its disk. */
const atOnce = 16

/**
 * Reads these paths. A folder where a file belongs, or a file where a folder does, is a UserError;
 * else the system's error is thrown.
 */
export async function readFound(folder: string, paths: readonly string[]): Promise<Found> {
  const found = new Map<string, string | null>()
  await inTurns(paths, async (path) => {
    found.set(path, await textAt(join(folder, path)))
  })
  return found
}

export interface Applied {
  /** For what was replaced on being asked: path → where it is now, both relative to the folder. */
  readonly replaced: ReadonlyMap<string, string>
}

/**
 * Writes, removes, and records it. Each file is whole or as it was; when it fails in between, doing it again goes on.
 * @param changes with every `edited` or `foreign` file that is to be replaced; the others are left out
 * @throws the system's error
 */
export async function applyChanges(
  folder: string,
  changes: readonly Change[],
  manifest: Manifest,
  next: Manifest,
): Promise<Applied> {
  const writes = changes.filter(({ kind }) => kind !== 'unchanged' && kind !== 'removed' && kind !== 'kept')
  const removals = changes.filter(({ kind }) => kind === 'removed')
  const replaced = new Map<string, string>()
  await makeFolder(folder)
  if (writes.length > 0) {
    const writing = Object.fromEntries(writes.map(({ path, after }) => [path, hashOf(after ?? '')]))
    await writeManifest(folder, { ...manifest, writing: { ...manifest.writing, ...writing } })
  }
  // One after another: they share the folders above them.
  const asides = writes.filter(isUsers).map(({ path }) => `${replacedFolder}/${path}`)
  const parents = new Set([...writes.map(({ path }) => path), ...asides].map((path) => dirname(path)))
  for (const parent of parents) await makeFolder(join(folder, parent))
  await inTurns(writes, async (change) => {
    const { path, after } = change
    if (isUsers(change)) replaced.set(path, await keepAside(folder, path))
    await writeWhole(join(folder, path), after ?? '')
  })
  for (const { path } of removals) {
    await rm(join(folder, path), { force: true })
    await removeEmpty(folder, dirname(path))
  }
  await writeManifest(folder, next)
  return { replaced }
}

function isUsers({ kind }: Change): boolean {
  return kind === 'edited' || kind === 'foreign'
}

async function textAt(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    if (code === 'EISDIR') throw inTheWay(`${file} is a folder, and render writes a file there.`)
    if (code === 'ENOTDIR') throw inTheWay(`A file is in the way of the folder ${dirname(file)}.`)
    throw error
  }
}

function inTheWay(message: string): UserError {
  return new UserError(message, {
    hint: 'Move it away, or write elsewhere with --out. Nothing was changed.',
    code: 'in-the-way',
  })
}

/** Copies a user's version to the first free name; the folder for it is there. */
async function keepAside(folder: string, path: string): Promise<string> {
  for (let version = 1; ; version++) {
    const name = `${replacedFolder}/${path}${version === 1 ? '' : `.${version}`}`
    try {
      await copyFile(join(folder, path), join(folder, name), constants.COPYFILE_EXCL)
      return name
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** Up to the folder itself, which stays. */
async function removeEmpty(folder: string, path: string): Promise<void> {
  for (let at = path; at !== '.' && at !== ''; at = dirname(at)) {
    try {
      await rmdir(join(folder, at))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Somebody's files are in it, or it is gone already.
      if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOENT') return
      throw error
    }
  }
}

/** When one fails the others end what they have begun, and nothing goes on behind the caller's back. */
async function inTurns<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  let failed = false
  const worker = async (): Promise<void> => {
    for (const item of waiting) {
      if (failed) return
      try {
        await each(item)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: Math.min(atOnce, items.length) }, worker))
  const first = ended.find((end) => end.status === 'rejected')
  if (first !== undefined) throw first.reason
}

/** As a user may type it, with `/`. */
export function shownIn(folder: string, path: string, cwd: string): string {
  const short = relative(cwd, join(folder, path))
  return (short.startsWith('..') ? join(folder, path) : short).replaceAll(sep, '/')
}
