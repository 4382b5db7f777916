/** Servers that ragscale did not start: emulators, the reference gateway, and what stands before them. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FromService } from '../../../src/services/process.ts'
import { instant } from '../qdrant-nodes.ts'
import type { FromServer as FromFront, FrontConfig, ToServer as ToFront } from '../servers/front.ts'
import { startServer } from '../servers/start.ts'

const services = new URL('../../../src/services/', import.meta.url)
const fifo = { model: 'fifo', law: { kind: 'fixed', meanMs: 2 }, servers: 8, queueLimit: null }

export interface Front {
  readonly url: string
  seen(): Promise<{ connections: number; requests: number }>
}

/** Started one by one, ended together. */
export class Servers {
  readonly #ending: (() => Promise<void> | void)[] = []

  /** The URL of a service in a process of its own. */
  async #start(service: string, config: object, env: Record<string, string> = {}): Promise<string> {
    const child: ChildProcess = fork(fileURLToPath(new URL(`${service}/main.ts`, services)), {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, ...env },
    })
    this.#ending.push(async () => {
      if (child.exitCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    })
    child.send({ type: 'configure', config })
    const [message] = (await once(child, 'message')) as [FromService]
    if (message.type !== 'listening') throw new Error(`${service} did not start: ${JSON.stringify(message)}`)
    return `http://127.0.0.1:${message.port}`
  }

  async tei(model = 'BAAI/bge-small-en-v1.5'): Promise<string> {
    return await this.#start('emulators/tei', { component: 'tei', model, dimensions: 64, emulation: fifo })
  }

  async vllm(model: string): Promise<string> {
    return await this.#start('emulators/vllm', { component: 'vllm', model, emulation: fifo })
  }

  /** One node without a cluster; with a key when one is given. */
  async qdrant(key?: string): Promise<string> {
    const dataFolder = await mkdtemp(join(tmpdir(), 'ragscale-external-'))
    this.#ending.push(() => rm(dataFolder, { recursive: true, force: true }))
    return await this.#start(
      'emulators/qdrant',
      {
        cluster: false,
        dataFolder,
        emulation: instant,
        ...(key === undefined ? {} : { apiKeyEnv: 'EMULATED_QDRANT_KEY' }),
      },
      key === undefined ? {} : { EMULATED_QDRANT_KEY: key },
    )
  }

  async gateway(config: {
    embed: string
    vector: string
    collection: string
    generate: string
    model: string
  }): Promise<string> {
    const { embed, vector, collection, generate, model } = config
    return await this.#start('gateway', {
      embed: { url: embed },
      vector: { url: vector, collection },
      generate: { url: generate, model },
    })
  }

  async front(config: FrontConfig): Promise<Front> {
    const server = startServer<ToFront, FromFront>('./front.ts')
    this.#ending.push(() => server.stop())
    const { port } = await server.ask({ type: 'configure', config }, 'listening')
    return {
      url: `${config.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
      seen: async () => await server.ask({ type: 'seen' }, 'seen'),
    }
  }

  /** What else is to be ended with them. */
  alsoEnd(end: () => Promise<void> | void): void {
    this.#ending.push(end)
  }

  async stop(): Promise<void> {
    // What was started last goes first: it may keep files in a folder that was made before it.
    for (const end of this.#ending.splice(0).toReversed()) await end()
  }
}
