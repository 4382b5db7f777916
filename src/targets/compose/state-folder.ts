/** `.ragscale/compose`: files that containers read, and what a balancer has read of them. */
import { readFile, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Balancing } from '../../catalog/balancing.ts'
import { makeFolder } from '../../folder.ts'
import { fingerprint } from '../../render/compose/fingerprint.ts'
import { writeWhole } from '../../whole-file.ts'
import type { FoundContainer } from '../docker/containers.ts'

const loadedFile = 'balancer.json'
const loadedSchema = z.object({
  container: z.string(),
  startedAt: z.number().nullable(),
  configuration: z.string(),
  /** Nobody but this file writes it. */
  balancing: z.custom<Balancing>().optional(),
})

/** What a balancer was last told to read. */
export interface Loaded {
  /** Fingerprint of its configuration. */
  readonly configuration: string
  /** What that says, but for who was chosen for a while; null where it was not kept. */
  readonly balancing: Balancing | null
}

/** Path below the folder → text; empty where there is none. */
export async function readState(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name !== loadedFile)
    .map((entry) => join(entry.parentPath, entry.name))
  const texts = await Promise.all(
    paths.map(async (path) => [path.slice(folder.length + 1), await readFile(path, 'utf8')] as const),
  )
  return new Map(texts)
}

/**
 * Written in place where a container has the file mounted: it would go on seeing the one that a rename replaced.
 * @throws the system's error
 */
export async function writeState(
  folder: string,
  files: ReadonlyMap<string, string>,
  removed: readonly string[],
  inPlace: ReadonlySet<string>,
): Promise<void> {
  for (const [path, text] of files) {
    const file = join(folder, path)
    await makeFolder(dirname(file))
    if (inPlace.has(path)) await writeFile(file, text)
    else await writeWhole(file, text)
  }
  for (const path of removed) {
    await rm(join(folder, path), { force: true })
    for (let at = dirname(path); at !== '.'; at = dirname(at)) {
      const empty = await rmdir(join(folder, at)).then(
        () => true,
        () => false,
      )
      if (!empty) break
    }
  }
}

/** Everything; the folder above it too where nothing else is in it. */
export async function removeState(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await rmdir(dirname(folder)).catch(() => {})
}

/**
 * The configuration that a balancer has read: what it was told to read since it started, else what was
 * there when it started; null where nobody can tell.
 */
export async function loadedBy(
  folder: string,
  path: string,
  { id, startedAt }: FoundContainer,
): Promise<Loaded | null> {
  const told = await readFile(join(folder, loadedFile), 'utf8').then(
    (text) => loadedSchema.safeParse(JSON.parse(text)).data ?? null,
    () => null,
  )
  if (told !== null && told.container === id && told.startedAt === startedAt) {
    return { configuration: told.configuration, balancing: told.balancing ?? null }
  }
  const file = join(folder, path)
  const written = await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  )
  if (written === null || startedAt === null || written > startedAt) return null
  return { configuration: fingerprint(await readFile(file, 'utf8')), balancing: null }
}

export async function recordLoaded(
  folder: string,
  { id, startedAt }: Pick<FoundContainer, 'id' | 'startedAt'>,
  { text, balancing }: { readonly text: string; readonly balancing: Balancing },
): Promise<void> {
  const told = { container: id, startedAt, configuration: fingerprint(text), balancing }
  await writeWhole(join(folder, loadedFile), `${JSON.stringify(told)}\n`)
}
