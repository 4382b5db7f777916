/**
 * Places by their numbers, of which each is held by the process that took it: a folder, and what goes by the number
 * (addresses, control groups), so that several of a kind do not notice each other.
 */
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pid } from 'node:process'
import { execa } from 'execa'
import { identityOf, lives } from './process-identity.ts'

/** Number n goes with the addresses 10.n.0.0/16. */
export interface Kind {
  /** In the plural: `engines`. */
  readonly name: string
  /** Holds the folder of each. */
  readonly root: string
  readonly numbers: readonly number[]
  /** What a process left behind that is dead. */
  readonly remove: (folder: string, number: number) => Promise<void>
}

/** One that nobody holds, and of whose addresses nobody has any. What dead processes left behind is removed first. */
export async function takeNumbered(
  kind: Kind,
): Promise<{ readonly folder: string; readonly number: number }> {
  const { name, root, numbers } = kind
  await removeLeftovers(kind)
  // Its owner is written before it has its name, so no place is ever without one.
  const fresh = await mkdtemp(join(root, 'new-'))
  await writeFile(join(fresh, 'owner'), (await identityOf(pid)) ?? '')
  const { stdout: inUse } = await execa('ip', ['-o', '-4', 'address', 'show'])
  for (const number of numbers) {
    if (inUse.includes(` 10.${number}.`)) continue
    const folder = join(root, String(number))
    try {
      // Fails on a folder that holds anything.
      await rename(fresh, folder)
      return { folder, number }
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  await rm(fresh, { recursive: true })
  throw new Error(`${numbers.length} ${name} are running already; see ${root}`)
}

async function removeLeftovers({ root, remove }: Kind): Promise<void> {
  await mkdir(root, { recursive: true })
  for (const name of await readdir(root)) {
    const folder = join(root, name)
    const owner = await readFile(join(folder, 'owner'), 'utf8').catch(() => '')
    if (owner === '' || (await lives(owner)) || !(await claim(folder))) continue
    if (name.startsWith('new-')) await rm(folder, { recursive: true, force: true })
    else await remove(folder, Number(name))
  }
}

/** One of several that start at once removes it. */
async function claim(folder: string): Promise<boolean> {
  const file = join(folder, 'remover')
  const remover = await readFile(file, 'utf8').catch(() => '')
  if (remover !== '' && !(await lives(remover))) await rm(file, { force: true })
  try {
    await writeFile(file, (await identityOf(pid)) ?? '', { flag: 'wx' })
    return true
  } catch {
    return false
  }
}
