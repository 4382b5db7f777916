/** Lines of several logs as they come, each with whose it is. */
import type { LogLine } from '../target.ts'

export interface NamedLines {
  readonly name: string
  readonly lines: AsyncIterator<string> & AsyncIterable<string>
}

/** Ends when all of them have; when the reader has had enough, all of them are closed. */
export async function* mergeLines(sources: readonly NamedLines[]): AsyncGenerator<LogLine> {
  const waiting = new Map(sources.map((source) => [source, next(source)]))
  try {
    while (waiting.size > 0) {
      const { source, result } = await Promise.race(waiting.values())
      if (result.done === true) {
        waiting.delete(source)
        continue
      }
      waiting.set(source, next(source))
      yield { name: source.name, text: result.value }
    }
  } finally {
    await Promise.allSettled(sources.map(async ({ lines }) => await lines.return?.()))
  }
}

async function next(source: NamedLines): Promise<{ source: NamedLines; result: IteratorResult<string> }> {
  return { source, result: await source.lines.next() }
}
