import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ranges from which systems draw the ports of outgoing connections (from 32768 on Linux, 49152
 * elsewhere): a replica that is restarted under load finds its port free.
 */
const first = 20_000
const count = 10_000

const host = '127.0.0.1'

/**
 * Who listens where. A port is tried first at a place that follows from the stack's folder and the address's
 * name, so that a stack that is brought up again is found where it was; whatever else uses that port, the
 * next one is taken. Once given, a port stays with its address for as long as the supervisor lives.
 */
export class Addresses {
  readonly #seed: string
  readonly #ports = new Map<string, number>()

  constructor(seed: string) {
    this.#seed = seed
  }

  /** The port of an address, found free when it is asked for first. */
  async take(address: string): Promise<number> {
    const known = this.#ports.get(address)
    if (known !== undefined) return known
    return await this.#find(address, hashOf(`${this.#seed}\n${address}`))
  }

  /** Gives an address another port: somebody else took the one that it had before its process could listen. */
  async move(address: string): Promise<number> {
    const before = this.#ports.get(address) ?? first
    this.#ports.delete(address)
    return await this.#find(address, before + 1 - first)
  }

  /** Those of one process, by address. */
  of(id: string): Record<string, number> {
    return Object.fromEntries([...this.#ports].filter(([address]) => ownerOf(address) === id))
  }

  release(id: string): void {
    for (const address of Object.keys(this.of(id))) this.#ports.delete(address)
  }

  /** `config` with every `{ "$port": … }` and `{ "$url": … }` in it replaced by what it stands for. */
  async resolve(config: unknown): Promise<unknown> {
    if (Array.isArray(config))
      return await Promise.all(config.map(async (value) => await this.resolve(value)))
    if (typeof config !== 'object' || config === null) return config
    const entries = Object.entries(config)
    const [key, address] = entries.length === 1 ? (entries[0] ?? []) : []
    if (key === '$port') return await this.take(String(address))
    if (key === '$url') return `http://${host}:${await this.take(String(address))}`
    return Object.fromEntries(
      await Promise.all(entries.map(async ([name, value]) => [name, await this.resolve(value)] as const)),
    )
  }

  async #find(address: string, from: number): Promise<number> {
    for (let step = 0; step < count; step++) {
      const port = first + ((from + step) % count)
      if ([...this.#ports.values()].includes(port)) continue
      // Claimed before it is tried: two searches at once must not both find it.
      this.#ports.set(address, port)
      if (await isFree(port)) return port
    }
    this.#ports.delete(address)
    throw new Error(`no port from ${first} to ${first + count - 1} is free on ${host}`)
  }
}

export function ownerOf(address: string): string {
  return address.split('/', 1)[0] ?? address
}

function hashOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) % count
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen({ port, host, exclusive: true })
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return true
  } catch {
    return false
  }
}
