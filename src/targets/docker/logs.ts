/** What containers wrote. */
import { PassThrough, type Readable } from 'node:stream'
import type { Engine } from './engine.ts'

export interface LogReading {
  /** The last lines to begin with. */
  readonly lines: number
  /** Milliseconds since 1970; only what was written later. */
  readonly since?: number
}

/** The last lines of a container, both streams; empty where there are none to be had. */
export async function lastLines(engine: Engine, id: string, reading: LogReading): Promise<string[]> {
  try {
    const bytes = await engine.docker.getContainer(id).logs({
      follow: false,
      stdout: true,
      stderr: true,
      tail: reading.lines,
      ...(reading.since === undefined ? {} : { since: reading.since / 1000 }),
    })
    return linesOf(withoutFrames(bytes))
  } catch {
    // It is gone, or its logging driver keeps nothing.
    return []
  }
}

/** Line after line as they are written, until the signal, or until the container is gone. */
export async function* followLines(
  engine: Engine,
  id: string,
  options: LogReading & { readonly follow: boolean; readonly signal: AbortSignal },
): AsyncGenerator<string> {
  const { lines, since, follow, signal } = options
  const container = engine.docker.getContainer(id)
  const common = {
    stdout: true,
    stderr: true,
    tail: lines,
    ...(since === undefined ? {} : { since: since / 1000 }),
  }
  if (!follow) {
    const bytes = await container.logs({ ...common, follow: false })
    yield* linesOf(withoutFrames(bytes))
    return
  }
  yield* followedLines(engine, await container.logs({ ...common, follow: true }), signal)
}

/** Lines of a followed log as they come, until it ends or the signal; the stream is ended with it. */
export async function* followedLines(
  { docker }: Engine,
  followed: NodeJS.ReadableStream,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const raw = followed as NodeJS.ReadableStream & Readable
  const text = new PassThrough()
  docker.modem.demuxStream(raw, text, text)
  const end = (): void => {
    text.end()
    raw.destroy()
  }
  raw.once('end', end)
  raw.once('error', end)
  signal.addEventListener('abort', end, { once: true })
  try {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of text) {
      rest += decoder.decode(chunk as Buffer, { stream: true })
      const whole = rest.split('\n')
      rest = whole.pop() ?? ''
      for (const line of whole) yield withoutEnd(line)
    }
    if (rest !== '') yield withoutEnd(rest)
  } finally {
    signal.removeEventListener('abort', end)
    end()
  }
}

export function linesOf(text: string): string[] {
  const lines = text.split('\n').map(withoutEnd)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

function withoutEnd(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}

/**
 * Text of both streams, without the eight bytes before each piece: stream, three zeros, length. A container with a
 * terminal writes none.
 * @see https://docs.docker.com/reference/api/engine/#tag/Container/operation/ContainerAttach
 */
export function withoutFrames(bytes: Buffer): string {
  const pieces: Buffer[] = []
  for (let at = 0; at + 8 <= bytes.length;) {
    const framed = (bytes[at] ?? 9) <= 2 && bytes[at + 1] === 0 && bytes[at + 2] === 0 && bytes[at + 3] === 0
    if (!framed) return bytes.toString('utf8')
    const length = bytes.readUInt32BE(at + 4)
    pieces.push(bytes.subarray(at + 8, at + 8 + length))
    at += 8 + length
  }
  return Buffer.concat(pieces).toString('utf8')
}
