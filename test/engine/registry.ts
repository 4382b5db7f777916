/**
 * A registry as it is run (Debian's docker-registry), on loopback, which engines take without TLS; behind a wire that can
 * be slow, and cut.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomBytes } from 'node:crypto'
import { execa } from 'execa'
import { stringify } from 'yaml'
import { findTool } from '../tools/find-tool.ts'
import { howToGet } from '../tools/tools.ts'
import type { EngineEnv } from './engine.ts'

/** Who may use a registry that wants a login; the hash is bcrypt's of the password. */
export const login = { username: 'ragscale', password: 'a-secret-word' } as const
const passwordHash = '$2y$05$abcdefghijklmnopqrstuumotY3uDuQi0/rtjr8hRvG7AFzrH730S'

export interface RegistryOptions {
  readonly wantsLogin?: true
}

export interface Registry {
  /** `127.0.0.1:40001` */
  readonly address: string
  /** As `config.json` of the docker command has it after `docker login`. */
  auths(password?: string): object
  /**
   * Puts an image there that is another one with so many random bytes more, and removes those bytes from the engine.
   * Returns its name.
   */
  publish(base: string, name: string, bytes: number, env: EngineEnv): Promise<string>
  /** Bytes of answers that have gone over the wire. */
  readonly sent: number
  /** From now on; null: as fast as it goes. */
  slow(bytesPerSecond: number | null): void
  /** Ends every connection, and takes none until it is mended. */
  cut(): Promise<void>
  mend(): Promise<void>
  close(): Promise<void>
}

/** Why there can be none on this machine, with what to do; null where there can. */
export async function whyNoRegistry(): Promise<string | null> {
  if ((await findTool('docker-registry')) !== null) return null
  return `missing: docker-registry; get ${howToGet('docker-registry')}`
}

/** Ready when it returns. Throws what it wrote when it does not start. */
export async function startRegistry({ wantsLogin }: RegistryOptions = {}): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-registry-'))
  const inner = await freePort()
  await writeFile(join(folder, 'htpasswd'), `${login.username}:${passwordHash}\n`)
  const configuration = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: `127.0.0.1:${inner}`, secret: 'of-this-test', relativeurls: true },
    ...(wantsLogin === true
      ? { auth: { htpasswd: { realm: 'tests', path: join(folder, 'htpasswd') } } }
      : {}),
  }
  await writeFile(join(folder, 'config.yml'), stringify(configuration))
  const program = (await findTool('docker-registry')) ?? 'docker-registry'
  const child = spawn(program, ['serve', join(folder, 'config.yml')], { stdio: ['ignore', 'pipe', 'pipe'] })
  const wire = new Wire(inner)
  const close = async (): Promise<void> => {
    await wire.cut()
    if (child.exitCode === null && child.kill()) await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (said += text.toString()))
  for (let attempt = 0; !(await listens(inner)); attempt++) {
    if (child.exitCode !== null || attempt > 100) {
      await close()
      throw new Error(`docker-registry did not start:\n${said}`)
    }
    await sleep(100)
  }
  await wire.mend()
  const address = `127.0.0.1:${wire.port}`
  const auths = (password: string = login.password): object => ({
    [address]: { auth: Buffer.from(`${login.username}:${password}`).toString('base64') },
  })
  return {
    address,
    auths,
    get sent() {
      return wire.sent
    },
    slow: (bytesPerSecond) => wire.slow(bytesPerSecond),
    cut: async () => await wire.cut(),
    mend: async () => await wire.mend(),
    publish: async (base, name, bytes, env) => {
      const image = `${address}/${name}`
      const context = await mkdtemp(join(folder, 'image-'))
      await writeFile(join(context, 'data'), randomBytes(bytes))
      await writeFile(join(context, 'Dockerfile'), `FROM ${base}\nCOPY data /data\n`)
      await writeFile(join(context, 'config.json'), JSON.stringify({ auths: auths() }))
      const building = { env: { ...env, DOCKER_BUILDKIT: '0' } }
      await execa('docker', ['build', '--quiet', '--no-cache', '--tag', image, context], building)
      await execa('docker', ['push', '--quiet', image], { env: { ...env, DOCKER_CONFIG: context } })
      await execa('docker', ['image', 'rm', image], { env })
      return image
    },
    close,
  }
}

/** What is between an engine and the registry. */
class Wire {
  readonly #inner: number
  readonly #server = createServer((client) => this.#join(client))
  readonly #open = new Set<Socket>()
  #bytesPerSecond: number | null = null
  sent = 0
  port = 0

  constructor(inner: number) {
    this.#inner = inner
  }

  slow(bytesPerSecond: number | null): void {
    this.#bytesPerSecond = bytesPerSecond
  }

  async mend(): Promise<void> {
    // The same port each time.
    this.#server.listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as AddressInfo).port
  }

  async cut(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#open) socket.destroy()
    await closed
  }

  #join(client: Socket): void {
    const registry = connect(this.#inner, '127.0.0.1')
    for (const [one, other] of [
      [client, registry],
      [registry, client],
    ] as const) {
      this.#open.add(one)
      one.once('error', () => one.destroy())
      one.once('close', () => {
        this.#open.delete(one)
        other.destroy()
      })
    }
    client.pipe(registry)
    void this.#answer(registry, client)
  }

  async #answer(registry: Socket, client: Socket): Promise<void> {
    try {
      for await (const chunk of registry) {
        const { length } = chunk as Buffer
        this.sent += length
        if (!client.write(chunk as Buffer)) await once(client, 'drain')
        if (this.#bytesPerSecond !== null) await sleep((length / this.#bytesPerSecond) * 1000)
      }
      client.end()
    } catch {
      // It was cut.
      client.destroy()
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
