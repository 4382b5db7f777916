import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { ExitCode, UserError, messageOf } from '../errors.ts'

/** Instants of a trace that one run may hold; each is eight bytes here and in k6. */
const maxInstants = 2_000_000

/**
 * Arrivals to replay: one a line, in seconds since the first (`0.250`), in any order; blank lines and lines
 * that begin with `#` are skipped. Returns milliseconds, ascending, from 0.
 * @throws UserError (exit 2) with the line that is not a number
 */
export async function readTrace(file: string): Promise<number[]> {
  const offsets: number[] = []
  let number = 0
  try {
    for await (const line of createInterface({
      input: createReadStream(file, 'utf8'),
      crlfDelay: Infinity,
    })) {
      number += 1
      const text = line.trim()
      if (text === '' || text.startsWith('#')) continue
      const seconds = Number(text)
      if (!Number.isFinite(seconds))
        throw badLine(file, number, `expected seconds, got ${JSON.stringify(text.slice(0, 40))}`)
      if (offsets.length === maxInstants)
        throw badLine(file, number, `a trace holds at most ${maxInstants} instants`)
      offsets.push(seconds * 1000)
    }
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`could not read the trace ${file}: ${messageOf(error)}`, {
      exitCode: ExitCode.usage,
      code: 'trace',
      cause: error,
    })
  }
  if (offsets.length === 0)
    throw new UserError(`the trace ${file} holds no instants`, { exitCode: ExitCode.usage, code: 'trace' })
  offsets.sort((a, b) => a - b)
  const first = offsets[0] ?? 0
  return offsets.map((offset) => offset - first)
}

function badLine(file: string, line: number, message: string): UserError {
  return new UserError(`${file}:${line}: ${message}`, {
    hint: 'a trace holds one arrival a line, in seconds since the first, for example 0.250',
    exitCode: ExitCode.usage,
    code: 'trace',
  })
}
