/** Control groups by the name of whoever owns them: one with version 2, one a controller with version 1. */
import { mkdir, readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const root = '/sys/fs/cgroup'

/** Those that are there. */
export async function groupsNamed(name: string): Promise<string[]> {
  const candidates = [root, ...((await foldersIn(root)) ?? [])].map((parent) => join(parent, name))
  const there = await Promise.all(candidates.map(async (group) => (await foldersIn(group)) !== null))
  return candidates.filter((_, index) => there[index])
}

/** With version 1: whoever makes groups below one may want it there already. */
export async function makeGroups(name: string): Promise<void> {
  const controllers = ((await foldersIn(root)) ?? []).filter((folder) => !folder.endsWith('/unified'))
  for (const parent of controllers) await mkdir(join(parent, name), { recursive: true })
}

/** Parents before their children. */
export async function withChildren(group: string): Promise<string[]> {
  const below = await Promise.all(((await foldersIn(group)) ?? []).map(withChildren))
  return [group, ...below.flat()]
}

/** With all below it, once nothing runs there any more. */
export async function removeGroups(name: string): Promise<void> {
  for (const group of await groupsNamed(name))
    for (const folder of (await withChildren(group)).toReversed()) await removeGroup(folder)
}

async function removeGroup(group: string): Promise<void> {
  // A process that was killed leaves its group when it has been reaped.
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      await rmdir(group)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return
      await sleep(100)
    }
  }
}

async function foldersIn(folder: string): Promise<string[] | null> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => null)
  return entries?.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name)) ?? null
}
