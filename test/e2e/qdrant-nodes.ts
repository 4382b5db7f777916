import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { QdrantConfigInput } from '../../src/services/emulators/qdrant/config.ts'
import type { FromService } from '../../src/services/process.ts'

const main = fileURLToPath(new URL('../../src/services/emulators/qdrant/main.ts', import.meta.url))

/** A modelled time that is over at once: for tests of what is answered, not of when. */
export const instant = {
  model: 'search',
  servers: 8,
  baseMs: 0,
  msPerMillionPoints: 1000,
  fanoutMs: 0,
  cv: 0,
} as const

export interface RunningNode {
  readonly url: string
  readonly process: ChildProcess
}

/** Emulated nodes as processes, each with its own data folder; a killed one can be started again. */
export class QdrantNodes {
  readonly #folder: string
  readonly #ports: number[]
  readonly #more: Partial<QdrantConfigInput>
  readonly running: (RunningNode | null)[]

  private constructor(folder: string, ports: number[], more: Partial<QdrantConfigInput>) {
    this.#folder = folder
    this.#ports = ports
    this.#more = more
    this.running = Array.from({ length: ports.length / 2 }, () => null)
  }

  /** @param started how many of them; the others join when they are started */
  static async start(
    count: number,
    more: Partial<QdrantConfigInput> = {},
    started = count,
  ): Promise<QdrantNodes> {
    const folder = await mkdtemp(join(tmpdir(), 'ragscale-qdrant-'))
    const ports = await freePorts(2 * count)
    const nodes = new QdrantNodes(folder, ports, more)
    for (let node = 0; node < started; node++) await nodes.startNode(node)
    return nodes
  }

  url(node: number): string {
    return `http://127.0.0.1:${this.#ports[node]}`
  }

  #peerUrl(node: number): string {
    return `http://127.0.0.1:${this.#ports[this.running.length + node]}`
  }

  async startNode(node: number): Promise<void> {
    const config: QdrantConfigInput = {
      node: node + 1,
      port: this.#ports[node]!,
      peerPort: this.#ports[this.running.length + node]!,
      bootstrap: node === 0 ? null : this.#peerUrl(0),
      clusterToken: 'for these tests',
      dataFolder: join(this.#folder, `node-${node}`),
      emulation: instant,
      seed: 7,
      ...this.#more,
    }
    const child = fork(main, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child.send({ type: 'configure', config })
    const [message] = (await once(child, 'message')) as [FromService]
    if (message.type !== 'listening')
      throw new Error(`node ${node} did not start: ${JSON.stringify(message)}`)
    this.running[node] = { url: this.url(node), process: child }
  }

  /** As the power would: nothing is flushed, nobody is told. */
  async kill(node: number): Promise<void> {
    const child = this.running[node]?.process
    if (child === undefined) return
    this.running[node] = null
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async stop(): Promise<void> {
    await Promise.all(this.running.map((_, node) => this.kill(node)))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Ports that are free now, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Polls until a condition holds; throws what it last saw when it never does. */
export async function eventually<T>(
  look: () => Promise<T>,
  holds: (seen: T) => boolean,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const seen = await look()
    if (holds(seen)) return seen
    if (performance.now() > deadline)
      throw new Error(`did not come true in ${timeoutMs} ms: ${JSON.stringify(seen)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
