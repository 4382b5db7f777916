/**
 * Documents that wait, in a Redis Stream with a consumer group. What is delivered stays pending until its points
 * are stored, so a worker that dies loses nothing; writing a document again writes the same points (`pointId`).
 * Two versions of one document are never written at once, and an older one never after a newer.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { RedisConnection } from '../redis.ts'
import type { QueueConfig } from './config.ts'
import { exclusively } from './document-lock.ts'
import type { ExclusiveOptions } from './document-lock.ts'
import {
  addScript,
  buryScript,
  finishScript,
  overtakeScript,
  reviveScript,
  scoreOfId,
} from './queue-scripts.ts'

export interface NewDocument {
  readonly root: string
  readonly source: string
  readonly text: string
}

export interface QueuedDocument extends NewDocument {
  readonly id: string
  /** Deliveries so far, this one included. */
  readonly tries: number
}

/** Documents: not stored yet (those that are being written included), being written, given up. */
export interface QueueState {
  readonly backlog: number
  readonly pending: number
  readonly deadLetters: number
}

/** As many documents wait as may. */
export class QueueFull extends Error {}

export class DocumentQueue {
  readonly #client: RedisConnection
  readonly #reader: RedisConnection
  readonly #config: QueueConfig
  /** Of this process, and of no other before it. */
  readonly #consumer: string

  /** @param reader a connection of its own, since waiting for documents holds it up */
  constructor(client: RedisConnection, reader: RedisConnection, config: QueueConfig, name: string) {
    this.#client = client
    this.#reader = reader
    this.#config = config
    this.#consumer = `${name}-${randomUUID().slice(0, 8)}`
  }

  get #keys() {
    const { stream } = this.#config
    return { stream, latest: `${stream}:latest`, dead: `${stream}:dead` }
  }

  get isConnected(): boolean {
    return this.#client.isReady && this.#reader.isReady
  }

  /** @throws QueueFull; Redis' own errors */
  async add(document: NewDocument): Promise<string> {
    const { stream, latest } = this.#keys
    const id = await this.#client.eval(addScript, {
      keys: [stream, latest],
      arguments: [
        String(this.#config.maxLength),
        keyOf(document),
        document.root,
        document.source,
        document.text,
      ],
    })
    if (typeof id === 'string') return id
    throw new QueueFull(`${this.#config.maxLength} documents are waiting already`)
  }

  /** New documents, at most `count`; waits up to `blockMs` for the first. */
  async take(count: number, blockMs: number): Promise<QueuedDocument[]> {
    const { stream, group } = this.#config
    const read = () =>
      this.#reader.xReadGroup(
        group,
        this.#consumer,
        { key: stream, id: '>' },
        { COUNT: count, BLOCK: blockMs },
      )
    const answer = await read().catch(async (error: unknown) => {
      if (!String(error).includes('NOGROUP')) throw error
      await this.#createGroup()
      return await read()
    })
    // The client's own types say nothing of this answer.
    const streams = (answer ?? []) as { messages: Entry[] }[]
    return streams.flatMap(({ messages }) => messages.map((entry) => documentOf(entry, 1)))
  }

  /** Documents of which nothing was heard for `idleMs`, whoever had them; at most `count`. */
  async takeOver(count: number): Promise<QueuedDocument[]> {
    const { stream, group, idleMs } = this.#config
    const { messages } = await this.#client
      .xAutoClaim(stream, group, this.#consumer, idleMs, '0-0', { COUNT: count })
      .catch((error: unknown) => {
        if (String(error).includes('NOGROUP')) return { messages: [] }
        throw error
      })
    // Null: one that was deleted while it was pending.
    const entries = messages.flatMap((entry): Entry[] => (entry === null ? [] : [entry]))
    return await Promise.all(
      entries.map(async (entry) => {
        const [pending] = await this.#client.xPendingRange(stream, group, entry.id, entry.id, 1)
        return documentOf(entry, pending?.deliveriesCounter ?? 1)
      }),
    )
  }

  /** Says that these are still worked on, so that nobody takes them over. */
  async keep(documents: readonly QueuedDocument[]): Promise<void> {
    if (documents.length === 0) return
    const { stream, group } = this.#config
    await this.#client.xClaimJustId(
      stream,
      group,
      this.#consumer,
      0,
      documents.map(({ id }) => id),
    )
  }

  /** Whether a newer version of the document came since, so that this one need not be written. */
  async isSuperseded(document: QueuedDocument): Promise<boolean> {
    const latest = await this.#client.zScore(this.#keys.latest, keyOf(document))
    return latest !== null && latest > scoreOfId(document.id)
  }

  /** What waits of the document is older than what is going to be written past the queue. */
  async overtake(document: NewDocument): Promise<void> {
    await this.#client.eval(overtakeScript, { keys: [this.#keys.latest], arguments: [keyOf(document)] })
  }

  /**
   * Runs while nobody else writes any version of the document; waits for whoever does. The right to lapses `idleMs`
   * after this process has died. Null where `unless` came true first, and nothing was run.
   */
  async exclusively<T>(
    document: NewDocument,
    options: ExclusiveOptions,
    run: () => Promise<T>,
  ): Promise<T | null> {
    const { stream, idleMs } = this.#config
    const lock = {
      key: `${stream}:lock:${keyOf(document)}`,
      holder: `${this.#consumer}/${randomUUID()}`,
      lapsesMs: idleMs,
    }
    return await exclusively(this.#client, lock, options, run)
  }

  /** Its points are stored, or a newer version's will be. */
  async finish(document: QueuedDocument): Promise<void> {
    const { stream, latest } = this.#keys
    await this.#client.eval(finishScript, {
      keys: [stream, latest],
      arguments: [this.#config.group, document.id],
    })
  }

  /** To the dead letters, with the reason. */
  async bury(document: QueuedDocument, because: string): Promise<void> {
    const { stream, latest, dead } = this.#keys
    const { group, maxDeadLetters } = this.#config
    const { id, root, source, text, tries } = document
    await this.#client.eval(buryScript, {
      keys: [stream, latest, dead],
      arguments: [group, id, root, source, text, String(tries), because, String(maxDeadLetters)],
    })
  }

  /** Queues dead letters again, unless a newer version waits; returns how many left the dead letters. */
  async revive(count: number): Promise<number> {
    const { stream, latest, dead } = this.#keys
    let revived = 0
    while (revived < count) {
      const [entry] = (await this.#client.xRange(dead, '-', '+', { COUNT: 1 })) ?? []
      if (entry === undefined) break
      const { root = '', source = '', text = '' } = entry.message
      await this.#client.eval(reviveScript, {
        keys: [stream, latest, dead],
        arguments: [entry.id, keyOf({ root, source }), root, source, text],
      })
      revived++
    }
    return revived
  }

  async state(): Promise<QueueState> {
    const { stream, dead } = this.#keys
    const [backlog, deadLetters, pending] = await Promise.all([
      this.#client.xLen(stream),
      this.#client.xLen(dead),
      this.#client.xPending(stream, this.#config.group).catch(() => ({ pending: 0 })),
    ])
    return { backlog, deadLetters, pending: pending.pending }
  }

  /** Takes itself off the group, and those that have been silent for a day; whoever has documents pending stays. */
  async leave(): Promise<void> {
    const { stream, group } = this.#config
    const consumers = await this.#client.xInfoConsumers(stream, group)
    for (const { name, pending, idle } of consumers) {
      if (pending === 0 && (name === this.#consumer || idle > dayMs))
        await this.#client.xGroupDelConsumer(stream, group, name)
    }
  }

  close(): void {
    for (const client of [this.#reader, this.#client]) if (client.isOpen) client.destroy()
  }

  async #createGroup(): Promise<void> {
    const { stream, group } = this.#config
    try {
      // From the beginning: what was queued before the first worker came is not passed over.
      await this.#client.xGroupCreate(stream, group, '0', { MKSTREAM: true })
    } catch (error) {
      if (!String(error).includes('BUSYGROUP')) throw error
    }
  }
}

const dayMs = 86_400_000

/** A document by its name, in bounded length. */
function keyOf({ root, source }: { root: string; source: string }): string {
  return createHash('sha256')
    .update(JSON.stringify([root, source]))
    .digest('base64url')
}

interface Entry {
  readonly id: string
  readonly message: Readonly<Record<string, string>>
}

function documentOf({ id, message }: Entry, tries: number): QueuedDocument {
  const { root = '', source = '', text = '' } = message
  return { id, root, source, text, tries }
}
