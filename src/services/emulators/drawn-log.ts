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
  let failure: Error | undefined
  stream.on('error', (error) => {
    failure = error
    process.stderr.write(`could not write ${file}: ${error.message}\n`)
  })
  return {
    get lines() {
      return lines
    },
    write: (record) => {
      lines++
      if (failure === undefined) stream.write(`${JSON.stringify(record)}\n`)
    },
    close: async () => {
      if (failure !== undefined) return
      stream.end()
      await once(stream, 'close')
    },
  }
}
