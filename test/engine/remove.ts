/** Removes an engine with everything that it made on the machine, whether or not its daemon still answers. */
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { groupsNamed, removeGroups, withChildren } from '../places/control-groups.ts'
import type { Place } from './place.ts'

export async function removeAll(place: Place): Promise<void> {
  // The daemon and containerd first, or they start anew what is killed below them; then what ran in containers.
  await endAll(() => daemonsOf(place.folder))
  await endAll(() => containedIn(place))
  await unmountBelow(place.folder)
  await removeLinks(place)
  await removeGroups(place.controlGroup)
  // What was just unmounted may be busy for a moment.
  await rm(place.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}

/** SIGTERM, and after 2 s SIGKILL, until there is none. */
async function endAll(find: () => Promise<readonly number[]>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const pids = await find()
    if (pids.length === 0) return
    if (attempt === 0 || attempt > 20)
      for (const pid of pids) signal(pid, attempt === 0 ? 'SIGTERM' : 'SIGKILL')
    await sleep(100)
  }
  throw new Error(`processes that do not end: ${(await find()).join(', ')}`)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Those of its programs that carry its folder in their arguments: dockerd, containerd and its shims. */
async function daemonsOf(folder: string): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const [program = '', ...args] = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split(
      '\0',
    )
    const isDaemon = /(^|\/)(dockerd|containerd|containerd-shim[\w-]*)$/.test(program)
    if (isDaemon && args.some((arg) => arg.includes(`${folder}/`))) found.push(Number(name))
  }
  return found
}

async function containedIn(place: Place): Promise<number[]> {
  const found = new Set<number>()
  for (const group of await groupsNamed(place.controlGroup))
    for (const folder of await withChildren(group)) {
      const processes = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '')
      for (const pid of processes.split('\n')) if (pid !== '') found.add(Number(pid))
    }
  return [...found]
}

async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
  // What was mounted last, first.
  for (const path of mounts.toReversed()) await execa('umount', ['--lazy', path], { reject: false })
}

/** The bridges of its networks, which are known by their addresses, and the address at which names are asked for. */
async function removeLinks({ addresses, names }: Place): Promise<void> {
  const prefix = addresses.split('.').slice(0, 2).join('.')
  const { stdout } = await execa('ip', ['-o', '-4', 'address', 'show'])
  for (const [, link = ''] of stdout.matchAll(new RegExp(`^\\d+: (\\S+)\\s+inet ${prefix}\\.`, 'gm')))
    if (link !== 'lo') await execa('ip', ['link', 'delete', link], { reject: false })
  await execa('ip', ['address', 'delete', `${names}/32`, 'dev', 'lo'], { reject: false })
}
