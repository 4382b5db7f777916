/** Takes documents off the queue and has them written, as many at once as it may. */
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../errors.ts'
import type { QueueConfig } from './config.ts'
import type { DocumentQueue, QueuedDocument } from './document-queue.ts'

export interface ConsumerParts {
  readonly queue: DocumentQueue
  readonly config: Pick<QueueConfig, 'concurrency' | 'maxTries' | 'idleMs'>
  /** Resolves once the document's points are stored. */
  readonly write: (document: QueuedDocument, signal: AbortSignal) => Promise<void>
  readonly count: (what: 'superseded' | 'retried' | 'buried') => void
  readonly say: (line: string) => void
}

export interface Consumer {
  /**
   * Takes no more; what is being written may end within `graceMs`, the rest stays pending in Redis, for
   * another worker to take over.
   */
  stop(graceMs: number): Promise<void>
}

/** How long one wait for documents lasts: also how late a stop is noticed. */
const blockMs = 1_000
/** Between two looks whether Redis is there again. */
const reconnectPollMs = 100

export function startConsumer(parts: ConsumerParts): Consumer {
  const { queue, config, say } = parts
  const stopping = new AbortController()
  const aborted = new AbortController()
  const inWork = new Map<QueuedDocument, Promise<void>>()
  let failuresInRow = 0

  const heartbeat = setInterval(() => {
    queue.keep([...inWork.keys()]).catch((error: unknown) => say(`queue: ${messageOf(error)}`))
  }, config.idleMs / 3)
  heartbeat.unref()

  const start = (document: QueuedDocument): void => {
    const task = consume(parts, document, aborted.signal)
      .then(
        (ok) => {
          failuresInRow = ok ? 0 : failuresInRow + 1
          return undefined
        },
        (error: unknown) => {
          // Redis itself failed: the document stays pending, and is taken over like a dead worker's.
          failuresInRow++
          say(`queue: ${document.source}: ${messageOf(error)}`)
        },
      )
      .finally(() => inWork.delete(document))
    inWork.set(document, task)
  }

  const loop = async (): Promise<void> => {
    let lookAgainAt = 0
    while (!stopping.signal.aborted) {
      if (!queue.isConnected) {
        await pause(reconnectPollMs)
        continue
      }
      try {
        // Where everything fails, documents are not to be used up by trying each of them.
        if (failuresInRow > 0) await pause(Math.min(config.idleMs, 50 * 2 ** Math.min(failuresInRow, 16)))
        const free = config.concurrency - inWork.size
        if (free === 0) {
          await Promise.race(inWork.values())
          continue
        }
        if (stopping.signal.aborted) return
        const late = performance.now() < lookAgainAt ? [] : await queue.takeOver(free)
        if (late.length < free) lookAgainAt = performance.now() + config.idleMs / 4
        for (const document of late) start(document)
        if (free > late.length && !stopping.signal.aborted)
          for (const document of await queue.take(free - late.length, blockMs)) start(document)
      } catch (error) {
        say(`queue: ${messageOf(error)}`)
        await pause(blockMs)
      }
    }
  }
  const pause = async (ms: number): Promise<void> => {
    await delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined)
  }
  const looping = loop()

  return {
    stop: async (graceMs) => {
      stopping.abort()
      const cut = setTimeout(() => aborted.abort(new Error('the worker stops')), graceMs)
      await looping
      await Promise.allSettled(inWork.values())
      clearTimeout(cut)
      clearInterval(heartbeat)
    },
  }
}

/** @returns whether nothing failed */
async function consume(
  { queue, config, write, count, say }: ConsumerParts,
  document: QueuedDocument,
  signal: AbortSignal,
): Promise<boolean> {
  const { source, tries } = document
  if (tries > 1) count('retried')
  if (tries > config.maxTries) {
    // It never got as far as to fail by itself.
    await queue.bury(document, 'every worker that took it ended before it was stored')
    count('buried')
    say(`queue: ${source} goes to the dead letters: its workers ended before it was stored`)
    return false
  }
  try {
    const unless = () => queue.isSuperseded(document)
    const written = await queue.exclusively(document, { signal, unless }, async () => {
      await write(document, signal)
      return true
    })
    if (written === null) count('superseded')
  } catch (error) {
    if (signal.aborted) return true
    const because = messageOf(error)
    if (tries < config.maxTries) {
      say(`queue: ${source} failed, try ${tries} of ${config.maxTries}: ${because}`)
      return false
    }
    await queue.bury(document, because)
    count('buried')
    say(`queue: ${source} goes to the dead letters after ${tries} tries: ${because}`)
    return false
  }
  await queue.finish(document)
  return true
}
