/**
 * A machine within the machine: processes, mounts and network of its own, held by one process. Whatever is started in
 * it ends with that process, and that one with whoever opened it, however it ends; what was mounted and routed in it
 * is gone then too. The files are the machine's.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Place } from './place.ts'

export interface World {
  /** What a program and its arguments are put behind, to run in it. */
  readonly within: readonly string[]
  run(program: string, ...args: string[]): Promise<string>
  close(): Promise<void>
}

/**
 * A kubelet wants these of its machine, and would set them. It finds them as it wants them, and the machine's own stay.
 */
const kernel: Readonly<Record<string, number>> = {
  'vm/overcommit_memory': 1,
  'vm/panic_on_oom': 0,
  'kernel/panic': 10,
  'kernel/panic_on_oops': 1,
  'kernel/keys/root_maxkeys': 1_000_000,
  'kernel/keys/root_maxbytes': 25_000_000,
}

/** What programs write at paths of their own choice is in memory; then children are reaped, whoever left them. */
const first = `set -e
for folder in /run /var/log /var/lib; do mount -t tmpfs -o mode=755 tmpfs $folder; done
cd "$1"
for name in $(find . -type f); do mount --bind "$1/$name" "/proc/sys/$name"; done
cd /
echo ready
while :; do sleep 60 & wait; done
`

export async function openWorld(place: Place): Promise<World> {
  const settings = join(place.folder, 'kernel')
  for (const [name, value] of Object.entries(kernel)) {
    const file = join(settings, name)
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, `${value}\n`)
  }
  const own = [
    '--mount',
    '--net',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--propagation',
    'private',
  ]
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'unshare', ...own, 'sh', '-c', first, 'sh', settings],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const close = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  try {
    await ready(child)
    const holder = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim()
    const within = ['nsenter', '--target', holder, '--mount', '--net', '--pid', '--']
    const run = async (program: string, ...args: string[]): Promise<string> => {
      const [enter = '', ...into] = within
      return (await execa(enter, [...into, program, ...args], { timeout: 120_000 })).stdout
    }
    await connect(place, holder, run)
    return { within: [...within, 'setpriv', '--pdeathsig', 'TERM', '--'], run, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function ready(child: ChildProcess): Promise<void> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = once(child, 'exit').then(() => false)
  const began = child.stdout === null ? Promise.resolve(false) : once(child.stdout, 'data').then(() => true)
  if (!(await Promise.race([began, ended]))) throw new Error(`no machine within this one: ${said.trim()}`)
}

/** A cable to the machine, and a way to the addresses of Services; none to anywhere else, and nothing of the machine's is changed. */
async function connect({ link, addresses }: Place, holder: string, run: World['run']): Promise<void> {
  await execa('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', holder])
  await execa('ip', ['address', 'add', `${addresses.machine}/24`, 'dev', link])
  await execa('ip', ['link', 'set', link, 'up'])
  await run('ip', 'link', 'set', 'lo', 'up')
  await run('ip', 'address', 'add', `${addresses.node}/24`, 'dev', 'eth0')
  await run('ip', 'link', 'set', 'eth0', 'up')
  await run('ip', 'route', 'add', '10.96.0.0/16', 'dev', 'eth0')
  await run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
}
