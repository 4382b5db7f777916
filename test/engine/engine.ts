/**
 * A Docker engine of a test's own: nothing of it is seen by the machine's engine or by another test's, the machine's
 * firewall is left as it is, and everything is gone after `close`, or, where the process was killed before, when the
 * next engine is started.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { findTool } from '../tools/find-tool.ts'
import { answerNoNames } from './no-names.ts'
import { type Place, takePlace } from './place.ts'
import { identityOf, lives } from '../places/process-identity.ts'
import { removeAll } from './remove.ts'

export interface EngineOptions {
  /** On another machine than this, as far as networks go (`nodes.ts`): what its command begins with, and its name. */
  readonly node?: { readonly inside: readonly string[]; readonly hostname: string }
  /** All that its images, containers and volumes may take, in MiB of memory: for a test that fills it. */
  readonly diskMib?: number
  /** Its containers run on while it is away, and it finds them again. */
  readonly liveRestore?: boolean
}

/** What every program that is to use an engine takes. */
export interface EngineEnv extends Readonly<Record<string, string>> {
  /** `unix:///…` */
  readonly DOCKER_HOST: string
  /** A folder with the compose plugin. */
  readonly DOCKER_CONFIG: string
}

export interface Engine {
  readonly env: EngineEnv
  /** Its networks’ addresses, and the one at which it asks for names. */
  readonly place: Pick<Place, 'addresses' | 'names'>
  /** Everything of it; what is put in goes with it. */
  readonly folder: string
  /** Runs `docker …` with it. Throws what it said when it fails. */
  docker(...args: string[]): Promise<string>
  /** Ends the daemon as a service manager would; containers stop. */
  stop(): Promise<void>
  /** Kills the daemon; containers run on. */
  kill(): Promise<void>
  /** After `stop` or `kill`: the same engine again, with its images, containers and volumes. */
  start(): Promise<void>
  close(): Promise<void>
}

const readyWithinMs = 60_000
const stopWithinMs = 20_000

/** Ready when it returns, within seconds. Throws with the end of the daemon's log when it does not start. */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const place = await takePlace()
  try {
    await layOut(place.folder, options)
    const engine = new OwnEngine(place, await answerNoNames(place.names), options)
    await engine.start()
    return engine
  } catch (error) {
    await removeAll(place)
    throw error
  }
}

async function layOut(folder: string, { diskMib, liveRestore = false }: EngineOptions): Promise<void> {
  for (const name of ['data', 'exec', 'config/cli-plugins'])
    await mkdir(join(folder, name), { recursive: true })
  // The machine's own settings are not asked.
  await writeFile(join(folder, 'daemon.json'), JSON.stringify({ 'live-restore': liveRestore }))
  await writeFile(join(folder, 'config/config.json'), '{}')
  const compose = await findTool('docker-compose')
  if (compose !== null) await symlink(compose, join(folder, 'config/cli-plugins/docker-compose'))
  if (diskMib !== undefined)
    await execa('mount', ['-t', 'tmpfs', '-o', `size=${diskMib}m`, 'tmpfs', join(folder, 'data')])
}

class OwnEngine implements Engine {
  readonly env: EngineEnv
  readonly folder: string
  readonly place: Place
  readonly #command: readonly string[]
  readonly #names: { close(): void }
  /** As `identityOf` says it; null while there is none. */
  #daemon: string | null = null

  constructor(place: Place, names: { close(): void }, { node }: EngineOptions) {
    this.place = place
    this.#command = node === undefined ? ['dockerd'] : commandOn(node)
    this.#names = names
    this.folder = place.folder
    this.env = {
      DOCKER_HOST: `unix://${place.folder}/docker.sock`,
      DOCKER_CONFIG: join(place.folder, 'config'),
    }
  }

  async docker(...args: string[]): Promise<string> {
    const { stdout } = await execa('docker', args, { env: this.env })
    return stdout
  }

  async start(): Promise<void> {
    const log = await open(join(this.folder, 'dockerd.log'), 'a')
    const [program = '', ...args] = this.#command
    const child = spawn(program, [...args, ...flagsOf(this.place)], {
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
    })
    const ended = once(child, 'exit').then(() => 'ended' as const)
    // Heard from now on: it comes with the next turn.
    await once(child, 'spawn')
    child.unref()
    await log.close()
    this.#daemon = await identityOf(child.pid ?? 0)
    for (const until = Date.now() + readyWithinMs; ;) {
      if (await this.#answers()) return
      const state = await Promise.race([ended, sleep(100, 'waiting' as const)])
      if (state === 'ended' || Date.now() > until)
        throw new Error(`dockerd did not start:\n${await this.#lastLines()}`)
    }
  }

  async stop(): Promise<void> {
    // A daemon waits for the longest time to stop of its containers; a service manager does not.
    const impatience = setTimeout(() => void this.#end('SIGKILL'), stopWithinMs)
    await this.#end('SIGTERM')
    clearTimeout(impatience)
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async close(): Promise<void> {
    // So that no container's own time to stop is waited for.
    if (await this.#answers()) {
      const ids = (await this.docker('ps', '--all', '--quiet')).split('\n').filter((id) => id !== '')
      if (ids.length > 0) await execa('docker', ['rm', '--force', ...ids], { env: this.env, reject: false })
    }
    this.#names.close()
    await removeAll(this.place)
    this.#daemon = null
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const daemon = this.#daemon
    if (daemon === null) return
    const file = join(this.folder, 'exec', 'containerd', 'containerd.pid')
    const containerd = await identityOf(Number(await readFile(file, 'utf8').catch(() => '0')))
    process.kill(Number(daemon.split(' ')[0]), signal)
    await untilDead(daemon)
    // Its containerd dies with it. The next daemon would take one that nobody has reaped yet for alive, and wait for it.
    if (containerd !== null) await untilDead(containerd)
    await rm(file, { force: true })
    this.#daemon = null
  }

  async #answers(): Promise<boolean> {
    const { exitCode } = await execa('docker', ['version', '--format', '{{.Server.Version}}'], {
      env: this.env,
      reject: false,
      timeout: 10_000,
    })
    return exitCode === 0
  }

  async #lastLines(): Promise<string> {
    const log = await readFile(join(this.folder, 'dockerd.log'), 'utf8').catch(() => '')
    return log.split('\n').slice(-20).join('\n')
  }
}

/** Each of them becomes the next, so that the process is the daemon's in the end. */
function commandOn({ inside, hostname }: NonNullable<EngineOptions['node']>): string[] {
  const named = ['unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec dockerd "$@"', hostname]
  return [...inside, ...named]
}

async function untilDead(identity: string): Promise<void> {
  while (await lives(identity)) await sleep(50)
}

/**
 * Without iptables: names, networks, health checks and published ports work all the same (the last through
 * docker-proxy), and neither the FORWARD policy nor any chain of the machine is touched. Without the default bridge,
 * of which a machine can have but one.
 */
function flagsOf({ folder, addresses, names, controlGroup }: Place): string[] {
  return [
    ['--data-root', join(folder, 'data')],
    ['--exec-root', join(folder, 'exec')],
    ['--pidfile', join(folder, 'dockerd.pid')],
    ['--host', `unix://${join(folder, 'docker.sock')}`],
    ['--config-file', join(folder, 'daemon.json')],
    ['--default-address-pool', `base=${addresses},size=24`],
    ['--bridge', 'none'],
    ['--iptables=false', '--ip6tables=false', '--ip-masq=false', '--ip-forward=false'],
    ['--dns', names],
    // The same names of control groups with and without systemd.
    ['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `/${controlGroup}`],
    ['--shutdown-timeout', '5', '--log-level', 'warn'],
  ].flat()
}
