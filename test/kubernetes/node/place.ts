/**
 * Where one node lives: a folder, a range of addresses and a control group of its own, so that several nodes, and
 * whatever else the machine runs, do not notice each other. A place is held by the process that took it.
 */
import { mkdir, mkdtemp, readFile, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pid } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { identityOf, lives } from '../../engine/process-identity.ts'

export interface Place {
  readonly folder: string
  /** Of the machine, as the node sees it, and of the node. */
  readonly addresses: { readonly machine: string; readonly node: string }
  /** Pods take theirs from it. */
  readonly pods: string
  /** The machine's end of the cable between the two. */
  readonly link: string
  /** Parent of all control groups of the node, without a slash. */
  readonly controlGroup: string
}

const root = join(tmpdir(), 'ragscale-nodes')
/** 10.230.0.0/16 … 10.239.0.0/16. */
const places = Array.from({ length: 10 }, (_, index) => 230 + index)
const controlGroups = '/sys/fs/cgroup'

function placeAt(folder: string, number: number): Place {
  return {
    folder,
    addresses: { machine: `10.${number}.0.1`, node: `10.${number}.0.2` },
    pods: `10.${number}.128.0/17`,
    link: `ragscale-n${number}`,
    controlGroup: `ragscale-node-${number}`,
  }
}

/** A place that nobody holds. What a process left behind that is dead is removed first. */
export async function takePlace(): Promise<Place> {
  await mkdir(root, { recursive: true })
  for (const name of await readdir(root)) await removeLeftover(name)
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
  throw new Error(`${places.length} nodes are running already; see ${root}`)
}

/** Processes died with their owner: what is left are files and control groups. */
async function removeLeftover(name: string): Promise<void> {
  const folder = join(root, name)
  const owner = await readFile(join(folder, 'owner'), 'utf8').catch(() => '')
  if (owner === '' || (await lives(owner))) return
  if (name.startsWith('new-')) await rm(folder, { recursive: true, force: true })
  else await removePlace(placeAt(folder, Number(name)))
}

/** Once nothing runs there any more. */
export async function removePlace(place: Place): Promise<void> {
  for (const group of await groupsOf(place)) await removeGroup(group)
  // What was mounted there is gone with its processes, and busy for a moment.
  await rm(place.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}

/** One with version 2; one a controller with version 1. */
async function groupsOf({ controlGroup }: Place): Promise<string[]> {
  const parents = await controllers()
  const groups = [controlGroups, ...parents].map((parent) => join(parent, controlGroup))
  const there = await Promise.all(groups.map(async (group) => (await foldersIn(group)) !== null))
  return groups.filter((_, index) => there[index])
}

/** The kubelet makes its groups below one that is there already. */
export async function makeGroups({ controlGroup }: Place): Promise<void> {
  const version1 = (await controllers()).filter((name) => !name.endsWith('/unified'))
  for (const parent of version1) await mkdir(join(parent, controlGroup), { recursive: true })
}

async function controllers(): Promise<string[]> {
  return (await foldersIn(controlGroups)) ?? []
}

async function removeGroup(group: string): Promise<void> {
  for (const child of (await foldersIn(group)) ?? []) await removeGroup(child)
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
