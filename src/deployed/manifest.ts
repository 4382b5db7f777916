/**
 * What `render` wrote into `deploy/`, so that a later one can tell its own files from a user's: `.ragscale.json`,
 * kept in the repository beside them.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { UserError, messageOf } from '../errors.ts'
import { writeWhole } from '../whole-file.ts'

export const manifestName = '.ragscale.json'

const schema = 'ragscale.deployed/1'
const hashes = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/))
const manifestSchema = z.object({
  schema: z.literal(schema),
  about: z.string().optional(),
  targets: z.record(z.string(), hashes),
  writing: hashes.optional(),
})

/** Paths are relative to the folder; hashes are SHA-256 of the bytes as they were written, in hexadecimal. */
export interface Manifest {
  /** What each target's rendering wrote; a file may belong to several. */
  readonly targets: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** What was being written when the process died: ours as well, whether it got that far or not. */
  readonly writing?: Readonly<Record<string, string>> | undefined
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Whether a file with this hash is one that we wrote. */
export function isOurs(manifest: Manifest, path: string, hash: string): boolean {
  const known = [...Object.values(manifest.targets), manifest.writing ?? {}]
  return known.some((files) => Object.hasOwn(files, path) && files[path] === hash)
}

/** Empty where there is none. Throws a UserError for one that cannot be read, which is never overwritten. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, manifestName)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    throw error
  })
  if (text === null) return { targets: {} }
  try {
    return manifestSchema.parse(JSON.parse(text))
  } catch (error) {
    const because = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error)
    throw new UserError(`${path} is not as ragscale writes it: ${because}`, {
      hint: 'Take it from the repository again, or remove it: then every file that differs counts as yours.',
      code: 'manifest',
      cause: error,
    })
  }
}

/** Throws the system's error; what was there before is then as it was. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const about = 'Written by `ragscale render`: which files here it made. Keep it in the repository with them.'
  const targets = sorted(manifest.targets, (files) => sorted(files, (hash) => hash))
  const writing = manifest.writing === undefined ? {} : { writing: manifest.writing }
  await writeWhole(
    join(folder, manifestName),
    `${JSON.stringify({ schema, about, targets, ...writing }, null, 2)}\n`,
  )
}

function sorted<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  const entries = Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, value]) => [key, map(value)]))
}
