import { createWriteStream } from 'node:fs'
import { once } from 'node:events'

/**
 * What an emulated replica drew, one JSON object a line: `id`, `arrivalMs`, `startMs`, `departureMs` and what
 * the model adds. Times are milliseconds since 1970 on a monotonic clock.
 */
export interface DrawnLog {
  readonly lines: number
  write(record: Readonly<Record<string, number | readonly number[]>>): void
  close(): Promise<void>
}

/** Rejects when the file cannot be written; `null` keeps none. */
export async function openDrawnLog(file: string | null): Promise<DrawnLog> {
  let lines = 0
  if (file === null) {
    return {
      get lines() {
        return lines
      },
      write: () => void lines++,
      close: async () => undefined,
    }
  }
  const stream = createWriteStream(file, { flags: 'a' })
  await once(stream, 'open')
  const ended = new Promise<void>((resolve) => stream.once('close', resolve))
  let failed = false
  stream.on('error', (error) => {
    failed = true
    process.stderr.write(`could not write ${file}: ${error.message}\n`)
  })
  return {
    get lines() {
      return lines
    },
    write: (record) => {
      lines++
      if (!failed) stream.write(`${JSON.stringify(record)}\n`)
    },
    close: async () => {
      if (!failed) stream.end()
      await ended
    },
  }
}
