/** What happens to containers, in the moment in which the engine tells it. A stream that breaks is taken up again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Engine } from './engine.ts'

/** Health checks are run as commands, of which the engine would tell three times each. */
const actions = 'create start die oom kill health_status pause unpause rename destroy'.split(' ')
const firstRetryMs = 100
const longestRetryMs = 2_000
/** As many as an engine keeps for whoever asks for those since an instant. */
const remembered = 256

export interface ContainerEvent {
  readonly container: string
  /** `start`, `die`, `oom`, `kill`, `health_status: unhealthy` … */
  readonly action: string
  /** Of `die`; null otherwise. */
  readonly exitCode: number | null
  /** Of `kill`: the signal's number; null otherwise. */
  readonly signal: number | null
}

/** What was told since somebody last asked. */
export interface News {
  readonly events: readonly ContainerEvent[]
  /** The stream broke meanwhile, and the engine may not know any more what it would have told. */
  readonly gap: boolean
}

const message = z.object({
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).default({}) }),
  timeNano: z.number(),
})

export class EventWatch {
  readonly #engine: Pick<Engine, 'docker'>
  readonly #labels: readonly string[]
  readonly #closing = new AbortController()
  /** Those that came last, by which one that is told again is known. */
  readonly #recent = new Set<string>()
  #news: ContainerEvent[] = []
  #gap = false
  #listening = false
  #rung = false
  #wake: (() => void) | null = null
  /** By the engine's clock, in seconds since 1970; null: nothing was told yet. */
  #lastAt: number | null = null

  /** Of containers that carry all these labels. Listens until it is closed. */
  constructor(engine: Pick<Engine, 'docker'>, labels: readonly string[]) {
    this.#engine = engine
    this.#labels = labels
    void this.#listen()
  }

  /** Whether the engine is being heard: otherwise only a look shows what happens. */
  get listening(): boolean {
    return this.#listening
  }

  /** Resolves when something has happened, or the stream has broken or come back, or time is up. @throws the signal's reason */
  async next(withinMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (!this.#rung) {
      const waking = new AbortController()
      this.#wake = () => waking.abort()
      await sleep(withinMs, undefined, { signal: AbortSignal.any([signal, waking.signal]) }).catch(() => {})
      this.#wake = null
    }
    this.#rung = false
    signal.throwIfAborted()
  }

  /** To be called before a look: what happens from then on wakes the next that waits. */
  take(): News {
    const news = { events: this.#news, gap: this.#gap }
    this.#news = []
    this.#gap = false
    this.#rung = false
    return news
  }

  close(): void {
    this.#closing.abort()
  }

  async #listen(): Promise<void> {
    const { signal } = this.#closing
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const stream = await this.#engine.docker.getEvents({
          filters: { type: ['container'], label: [...this.#labels], event: actions },
          ...(this.#lastAt === null ? {} : { since: this.#lastAt }),
          abortSignal: signal,
        } as Parameters<Engine['docker']['getEvents']>[0])
        this.#listening = true
        attempt = 0
        this.#ring()
        for await (const line of linesOf(stream)) this.#add(line)
      } catch {
        // Asked again below, for as long as anybody wants to know.
      }
      if (this.#listening) this.#gap = true
      this.#listening = false
      this.#ring()
      const waitMs = Math.min(longestRetryMs, firstRetryMs * 2 ** attempt)
      await sleep(waitMs, undefined, { signal }).catch(() => {})
    }
  }

  #add(line: string): void {
    const parsed = message.safeParse(jsonOf(line))
    if (!parsed.success) return
    const { Action: action, Actor: actor, timeNano } = parsed.data
    // To the millisecond before: what is told twice is known by its key.
    this.#lastAt = Math.floor(timeNano / 1e6) / 1e3
    const key = `${timeNano} ${actor.ID} ${action}`
    if (this.#recent.has(key)) return
    this.#recent.add(key)
    if (this.#recent.size > remembered) this.#recent.delete(this.#recent.values().next().value ?? '')
    const { exitCode, signal } = actor.Attributes
    this.#news.push({
      container: actor.ID,
      action,
      exitCode: action === 'die' && exitCode !== undefined ? Number(exitCode) : null,
      signal: action === 'kill' && signal !== undefined ? Number(signal) : null,
    })
    this.#ring()
  }

  #ring(): void {
    this.#rung = true
    this.#wake?.()
  }
}

/** A document a line, as they come. */
async function* linesOf(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    rest += decoder.decode(chunk as Buffer, { stream: true })
    const whole = rest.split('\n')
    rest = whole.pop() ?? ''
    yield* whole.filter((line) => line.trim() !== '')
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
