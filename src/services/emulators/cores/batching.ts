import type { Emulation } from '../../../stack/stack.ts'
import type { Core, Done, Work } from './core.ts'
import { Queue } from './queue.ts'
import type { Random } from './random.ts'

export type BatchingEmulation = Extract<Emulation, { model: 'batching' }>

export interface BatchingRequest extends Work {
  readonly tokens: number
  /** Waits instead of being refused, as the inputs of a client's batch do in TEI. Default false. */
  readonly patient?: boolean
}

export interface BatchingDone extends Done {
  /** Of the batch that it was part of. */
  readonly batchSize: number
  readonly batchTokens: number
}

interface Entry {
  readonly id: number
  readonly tokens: number
  readonly work: number
  readonly arrivalMs: number
}

interface Batch {
  readonly entries: readonly Entry[]
  readonly tokens: number
  readonly startMs: number
  readonly endMs: number
}

/**
 * Dynamic batching: while a batch runs arrivals wait; the next takes, first come first served, what fits in
 * `maxBatchTokens`, and always at least one. A batch that finds the core idle is formed after everything
 * that arrives at that same instant.
 */
export class BatchingCore implements Core<BatchingRequest, BatchingDone> {
  readonly #emulation: BatchingEmulation
  readonly #random: Random
  readonly #waiting = new Queue<Entry>()
  #running: Batch | undefined
  #lastEndMs = -Infinity
  #events: BatchingDone[] = []
  busyMs = 0

  constructor(emulation: BatchingEmulation, random: Random) {
    this.#emulation = emulation
    this.#random = random
  }

  get waiting(): number {
    return this.#waiting.size
  }

  get inFlight(): number {
    return this.#waiting.size + (this.#running?.entries.length ?? 0)
  }

  /** Of the batch that runs, or zeros. */
  get batch(): { size: number; tokens: number } {
    return { size: this.#running?.entries.length ?? 0, tokens: this.#running?.tokens ?? 0 }
  }

  submit(request: BatchingRequest, nowMs: number): 'accepted' | 'refused' {
    this.#settle(nowMs, false)
    if (request.patient !== true && this.inFlight >= this.#emulation.maxConcurrent) return 'refused'
    this.#waiting.push({ id: request.id, tokens: request.tokens, work: request.work ?? 1, arrivalMs: nowMs })
    return 'accepted'
  }

  /** Forgets a request that still waits; one that runs is finished with its batch. Returns whether it did. */
  cancel(id: number, nowMs: number): boolean {
    this.#settle(nowMs, false)
    return this.#waiting.remove((entry) => entry.id === id) !== undefined
  }

  nextEventMs(): number {
    return this.#events[0]?.atMs ?? this.#running?.endMs ?? this.#nextFormingMs()
  }

  advance(nowMs: number): BatchingDone[] {
    this.#settle(nowMs, true)
    const events = this.#events
    this.#events = []
    return events
  }

  /** Plays what is due before `nowMs`, or until it: what arrives at `nowMs` itself comes before a batch formed then. */
  #settle(nowMs: number, inclusive: boolean): void {
    const due = (timeMs: number) => timeMs < nowMs || (inclusive && timeMs === nowMs && timeMs !== Infinity)
    for (;;) {
      if (this.#running !== undefined) {
        if (!due(this.#running.endMs)) return
        this.#finish(this.#running)
      } else {
        const formingMs = this.#nextFormingMs()
        if (!due(formingMs)) return
        this.#form(formingMs)
      }
    }
  }

  #nextFormingMs(): number {
    const first = this.#waiting.peek()
    return first === undefined ? Infinity : Math.max(first.arrivalMs, this.#lastEndMs)
  }

  #form(startMs: number): void {
    const { overheadMs, msPerToken, maxBatchTokens, cv } = this.#emulation
    const entries: Entry[] = []
    let tokens = 0
    let weighted = 0
    for (let entry = this.#waiting.peek(); entry !== undefined; entry = this.#waiting.peek()) {
      if (entries.length > 0 && tokens + entry.tokens > maxBatchTokens) break
      entries.push(entry)
      tokens += entry.tokens
      weighted += entry.tokens * entry.work
      this.#waiting.shift()
    }
    const batchMs = (overheadMs + msPerToken * weighted) * this.#random.lognormal(cv)
    this.busyMs += batchMs
    this.#running = { entries, tokens, startMs, endMs: startMs + batchMs }
  }

  #finish({ entries, tokens, startMs, endMs }: Batch): void {
    for (const { id, arrivalMs } of entries)
      this.#events.push({
        kind: 'done',
        id,
        atMs: endMs,
        arrivalMs,
        startMs,
        batchSize: entries.length,
        batchTokens: tokens,
      })
    this.#lastEndMs = endMs
    this.#running = undefined
  }
}
