import type { Emulation } from '../../../stack/stack.ts'
import type { Core, Done, Work } from './core.ts'
import { TimeHeap } from './heap.ts'
import { drawService } from './law.ts'
import type { Random } from './random.ts'
import { Servers } from './servers.ts'

export type FifoEmulation = Extract<Emulation, { model: 'fifo' }>

/** What happened to one request, in modelled milliseconds: enough for Lindley's recursion. */
export interface FifoDone extends Done {
  readonly serviceMs: number
}

/** `servers` that each serve one request at a time from one first-come-first-served queue. */
export class FifoCore implements Core<Work, FifoDone> {
  readonly #emulation: FifoEmulation
  readonly #random: Random
  readonly #onDrawn: ((drawn: FifoDone) => void) | undefined
  readonly #servers: Servers
  readonly #departures = new TimeHeap<FifoDone>()
  #nowMs = -Infinity

  /** `onDrawn` hears of every accepted request on its arrival, when all its times are known. */
  constructor(emulation: FifoEmulation, random: Random, onDrawn?: (drawn: FifoDone) => void) {
    this.#emulation = emulation
    this.#random = random
    this.#onDrawn = onDrawn
    this.#servers = new Servers(emulation.servers)
  }

  get busyMs(): number {
    return this.#servers.busyMs
  }

  get inFlight(): number {
    return this.#departures.size
  }

  get waiting(): number {
    return this.#servers.waiting(this.#nowMs)
  }

  submit(request: Work, nowMs: number): 'accepted' | 'refused' {
    this.#nowMs = nowMs
    const { queueLimit } = this.#emulation
    if (queueLimit !== null && this.#servers.full(nowMs) && this.#servers.waiting(nowMs) >= queueLimit)
      return 'refused'
    const serviceMs = drawService(this.#emulation.law, this.#random) * (request.work ?? 1)
    const startMs = this.#servers.serve(nowMs, serviceMs)
    const done: FifoDone = {
      kind: 'done',
      id: request.id,
      atMs: startMs + serviceMs,
      arrivalMs: nowMs,
      startMs,
      serviceMs,
    }
    this.#departures.push(done.atMs, done)
    this.#onDrawn?.(done)
    return 'accepted'
  }

  nextEventMs(): number {
    return this.#departures.firstMs
  }

  advance(nowMs: number): FifoDone[] {
    this.#nowMs = nowMs
    return this.#departures.popUntil(nowMs)
  }
}
