import type { Core } from './core.ts'
import type { ContinuousDone, ContinuousEvent, ContinuousRequest } from './continuous.ts'
import { FifoCore } from './fifo.ts'
import type { FifoEmulation } from './fifo.ts'
import { TimeHeap } from './heap.ts'
import type { Random } from './random.ts'

interface Stream {
  readonly id: number
  readonly arrivalMs: number
  readonly startMs: number
  readonly serviceMs: number
  readonly outputTokens: number
  next: number
}

/**
 * Streams of tokens from first-come-first-served servers: a request's tokens are spread evenly over its
 * service time, the last at its end. For tests that want a known law instead of a batch.
 */
export class EvenTokensCore implements Core<ContinuousRequest, ContinuousEvent> {
  readonly #servers: FifoCore
  readonly #due = new TimeHeap<Stream>()
  #outputTokens = 1

  constructor(emulation: FifoEmulation, random: Random) {
    this.#servers = new FifoCore(emulation, random, ({ id, arrivalMs, startMs, serviceMs }) => {
      const stream = { id, arrivalMs, startMs, serviceMs, outputTokens: this.#outputTokens, next: 0 }
      this.#due.push(tokenMs(stream, 0), stream)
    })
  }

  get busyMs(): number {
    return this.#servers.busyMs
  }

  get inFlight(): number {
    return this.#due.size
  }

  get waiting(): number {
    return this.#servers.waiting
  }

  submit(request: ContinuousRequest, nowMs: number): 'accepted' | 'refused' {
    this.#outputTokens = request.outputTokens
    return this.#servers.submit(request, nowMs)
  }

  nextEventMs(): number {
    return this.#due.firstMs
  }

  advance(nowMs: number): ContinuousEvent[] {
    this.#servers.advance(nowMs)
    const events: ContinuousEvent[] = []
    while (this.#due.size > 0 && this.#due.firstMs <= nowMs) {
      const stream = this.#due.pop()!
      const index = stream.next++
      const atMs = tokenMs(stream, index)
      events.push({ kind: 'token', id: stream.id, atMs, index })
      if (stream.next < stream.outputTokens) this.#due.push(tokenMs(stream, stream.next), stream)
      else events.push(doneOf(stream, atMs))
    }
    return events
  }
}

function tokenMs({ startMs, serviceMs, outputTokens }: Stream, index: number): number {
  return startMs + (serviceMs * (index + 1)) / outputTokens
}

function doneOf(stream: Stream, atMs: number): ContinuousDone {
  const { id, arrivalMs, startMs, outputTokens } = stream
  return {
    kind: 'done',
    id,
    atMs,
    arrivalMs,
    startMs,
    firstTokenMs: tokenMs(stream, 0),
    outputTokens,
    cachedTokens: 0,
  }
}
