/** Secrets that only this stack knows: made where they are missing. */
import { randomBytes } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../folder.ts'

/** Whether any value will do: passwords between the stack's own servers. */
export function isOwnSecret(name: string): boolean {
  return /^(qdrant-api-key|.*-password)$/.test(name)
}

/**
 * Writes a secret's file, unless it is there: 32 random bytes, or nothing where it may be empty. The folder lets nobody
 * else in; the file itself is readable, since a container's user is not the one who made it.
 * @throws the system's error
 */
export async function makeSecret(folder: string, name: string, empty: boolean): Promise<void> {
  await makeFolder(folder)
  await chmod(folder, 0o700)
  const path = join(folder, name)
  const value = empty ? '' : randomBytes(32).toString('base64url')
  await writeFile(path, value, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await chmod(path, 0o644)
}

/** What a secret's file holds, without the newline that an editor leaves; null: there is none, or nothing in it. */
export async function readSecret(folder: string, name: string): Promise<string | null> {
  const text = await readFile(join(folder, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const value = text.trim()
  return value === '' ? null : value
}
