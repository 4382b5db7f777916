/**
 * Where one engine lives: a folder, a range of addresses and a control group of its own, so that several engines and
 * the machine's own do not notice each other. A place is held by the process that opened its engine.
 */
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pid } from 'node:process'
import { execa } from 'execa'
import { identityOf, lives } from './process-identity.ts'
import { removeAll } from './remove.ts'

export interface Place {
  readonly folder: string
  /** Its networks take theirs from it: a /16. */
  readonly addresses: string
  /** One of them, at which names are asked for that the engine does not know. */
  readonly names: string
  /** Parent of its containers' control groups, without a slash. */
  readonly controlGroup: string
}

const root = join(tmpdir(), 'ragscale-engines')
/** 10.180.0.0/16 … 10.219.0.0/16, which Docker itself never chooses. */
const places = Array.from({ length: 40 }, (_, index) => 180 + index)

export function placeAt(folder: string, number: number): Place {
  return {
    folder,
    addresses: `10.${number}.0.0/16`,
    names: `10.${number}.255.254`,
    controlGroup: `ragscale-engine-${number}`,
  }
}

/** A place that nobody holds. What a process left behind that is dead is removed first. */
export async function takePlace(): Promise<Place> {
  await removeLeftovers()
  // Its owner is written before it has its name, so no place is ever without one.
  const fresh = await mkdtemp(join(root, 'new-'))
  await writeFile(join(fresh, 'owner'), (await identityOf(pid)) ?? '')
  const { stdout: inUse } = await execa('ip', ['-o', '-4', 'address', 'show'])
  for (const number of places) {
    if (inUse.includes(` 10.${number}.`)) continue
    const folder = join(root, String(number))
    try {
      // Fails on a folder that holds anything.
      await rename(fresh, folder)
      return placeAt(folder, number)
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  await rm(fresh, { recursive: true })
  throw new Error(`${places.length} engines are running already; see ${root}`)
}

/** Engines whose process was killed. */
async function removeLeftovers(): Promise<void> {
  await mkdir(root, { recursive: true })
  for (const name of await readdir(root)) {
    const folder = join(root, name)
    const owner = await readFile(join(folder, 'owner'), 'utf8').catch(() => '')
    if (owner === '' || (await lives(owner)) || !(await claim(folder))) continue
    if (name.startsWith('new-')) await rm(folder, { recursive: true, force: true })
    else await removeAll(placeAt(folder, Number(name)))
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
