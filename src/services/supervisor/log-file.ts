import { type WriteStream, createWriteStream, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

const rotateBytes = 5 * 2 ** 20
const rememberedLines = 20

/**
 * What one process writes, appended to a file that never grows beyond twice 5 MiB: the full one becomes
 * `<file>.1`. A disk that is full loses lines of the log and nothing else.
 */
export class LogFile {
  readonly file: string
  #stream: WriteStream
  #bytes: number
  #unfinished = ''
  #last: string[] = []

  constructor(file: string) {
    this.file = file
    mkdirSync(dirname(file), { recursive: true })
    this.#bytes = sizeOf(file)
    this.#stream = this.#open()
  }

  /** The last lines written since the supervisor began, oldest first. */
  get lastLines(): string[] {
    return this.#unfinished === ''
      ? [...this.#last]
      : [...this.#last, this.#unfinished].slice(-rememberedLines)
  }

  append(text: string): void {
    this.#remember(text)
    this.#stream.write(text)
    this.#bytes += Buffer.byteLength(text)
    if (this.#bytes >= rotateBytes && text.endsWith('\n')) this.#rotate()
  }

  /** A line of the supervisor's own, about the process. */
  note(atMs: number, text: string): void {
    const start = this.#unfinished === '' ? '' : '\n'
    const line = `${new Date(atMs).toISOString()} [supervisor] ${text}\n`
    this.#stream.write(start + line)
    this.#bytes += line.length
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#stream.end(() => resolve()))
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.file, { flags: 'a', mode: 0o644 })
    stream.on('error', () => {})
    return stream
  }

  #remember(text: string): void {
    const lines = (this.#unfinished + text).split('\n')
    this.#unfinished = (lines.pop() ?? '').slice(0, 4096)
    this.#last = [...this.#last, ...lines].slice(-rememberedLines)
  }

  #rotate(): void {
    this.#stream.end()
    try {
      renameSync(this.file, `${this.file}.1`)
    } catch {
      // Somebody removed it; a new one begins either way.
    }
    this.#bytes = 0
    this.#stream = this.#open()
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
