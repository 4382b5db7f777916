import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogLine, LogOptions } from '../target.ts'

const pollMs = 200
const chunkBytes = 64 * 1024

/** The last lines of each replica's log, then what is added, until the signal. */
export async function* readLogs(folder: string, options: LogOptions): AsyncGenerator<LogLine> {
  const tails = new Map<string, Tail>()
  let isFirst = true
  try {
    for (;;) {
      for (const name of await logNames(folder, options.tier)) {
        if (!tails.has(name)) tails.set(name, new Tail(join(folder, `${name}.log`)))
      }
      for (const [name, tail] of tails) {
        const lines = await tail.read()
        for (const text of isFirst ? lines.slice(-options.lines) : lines) yield { name, text }
      }
      isFirst = false
      if (!options.follow || options.signal.aborted) return
      await sleep(pollMs, undefined, { signal: options.signal }).catch(() => {})
    }
  } finally {
    for (const tail of tails.values()) await tail.close()
  }
}

async function logNames(folder: string, tier: string | null): Promise<string[]> {
  const files = await readdir(folder).catch(() => [])
  return files
    .filter((file) => file.endsWith('.log'))
    .map((file) => file.slice(0, -'.log'.length))
    .filter((name) => tier === null || new RegExp(`^${tier}(-(\\d+|balancer))?$`).test(name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

/** A file that grows, and now and then begins anew. */
class Tail {
  readonly #file: string
  #handle: FileHandle | undefined
  #inode = 0
  #offset = 0
  #rest = ''

  constructor(file: string) {
    this.#file = file
  }

  /** Whole lines added since the last call; at first all there are. */
  async read(): Promise<string[]> {
    try {
      this.#handle ??= await this.#open()
      const lines = await this.#more(this.#handle)
      const current = await open(this.#file)
      const { ino } = await current.stat()
      if (ino === this.#inode) {
        await current.close()
        return lines
      }
      // The file was rotated: what remained of the old one has just been read.
      await this.#handle.close()
      this.#handle = current
      this.#inode = ino
      this.#offset = 0
      return [...lines, ...(await this.#more(current))]
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close()
  }

  async #open(): Promise<FileHandle> {
    const handle = await open(this.#file)
    this.#inode = (await handle.stat()).ino
    return handle
  }

  async #more(handle: FileHandle): Promise<string[]> {
    const decoder = new TextDecoder()
    const buffer = Buffer.alloc(chunkBytes)
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes, this.#offset)
      this.#offset += bytesRead
      this.#rest += decoder.decode(buffer.subarray(0, bytesRead), { stream: true })
      if (bytesRead < chunkBytes) break
    }
    const lines = this.#rest.split('\n')
    this.#rest = lines.pop() ?? ''
    return lines
  }
}
