import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

const rotateBytes = 5 * 2 ** 20
const rememberedLines = 20

/**
 * What one process writes, appended to a file that never grows beyond twice 5 MiB: the full one becomes
 * `<file>.1`. A disk that is full, or a folder that went away, loses lines of the log and nothing else.
 */
export class LogFile {
  readonly #file: string
  #handle: number | null
  #bytes = 0
  #unfinished = ''
  #last: string[] = []

  constructor(file: string) {
    this.#file = file
    this.#handle = this.#open()
  }

  /** The last lines written since the supervisor began, oldest first. */
  get lastLines(): string[] {
    return this.#unfinished === ''
      ? [...this.#last]
      : [...this.#last, this.#unfinished].slice(-rememberedLines)
  }

  append(text: string): void {
    const lines = (this.#unfinished + text).split('\n')
    this.#unfinished = (lines.pop() ?? '').slice(0, 4096)
    this.#last = [...this.#last, ...lines].slice(-rememberedLines)
    this.#write(text)
  }

  /** A line of the supervisor's own, about the process. */
  note(atMs: number, text: string): void {
    const start = this.#unfinished === '' ? '' : '\n'
    this.#write(`${start}${new Date(atMs).toISOString()} [supervisor] ${text}\n`)
  }

  close(): void {
    if (this.#handle !== null) closeSync(this.#handle)
    this.#handle = null
  }

  #write(text: string): void {
    if (this.#bytes >= rotateBytes - text.length) this.#rotate()
    this.#handle ??= this.#open()
    if (this.#handle === null) return
    try {
      this.#bytes += writeSync(this.#handle, text)
    } catch {
      // Tried again with the next line.
    }
  }

  #rotate(): void {
    this.close()
    try {
      renameSync(this.#file, `${this.#file}.1`)
    } catch {
      // Somebody removed it; a new one begins either way.
    }
  }

  #open(): number | null {
    try {
      mkdirSync(dirname(this.#file), { recursive: true })
      this.#bytes = statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0
      return openSync(this.#file, 'a', 0o644)
    } catch {
      return null
    }
  }
}
