import { TimeHeap } from './heap.ts'
import { Queue } from './queue.ts'

/**
 * `count` servers behind one first-come-first-served queue. What starts when is known on arrival, since
 * nobody overtakes: the next in line takes the server that is free first.
 */
export class Servers {
  readonly #freeAt = new TimeHeap<null>()
  /** When those who still waited at the last look begin: ascending, since nobody overtakes. */
  readonly #starts = new Queue<number>()
  busyMs = 0

  constructor(count: number) {
    if (!Number.isInteger(count) || count < 1)
      throw new RangeError(`servers must be a whole number from 1, not ${count}`)
    for (let server = 0; server < count; server++) this.#freeAt.push(-Infinity, null)
  }

  /** How many wait for a server at `nowMs`. */
  waiting(nowMs: number): number {
    while ((this.#starts.peek() ?? Infinity) <= nowMs) this.#starts.shift()
    return this.#starts.size
  }

  /** Whether something that arrives at `nowMs` would have to wait. */
  full(nowMs: number): boolean {
    return this.#freeAt.firstMs > nowMs
  }

  /** Gives the next in line its server; returns when its service starts. */
  serve(nowMs: number, serviceMs: number): number {
    const startMs = Math.max(nowMs, this.#freeAt.firstMs)
    this.#freeAt.pop()
    this.#freeAt.push(startMs + serviceMs, null)
    if (startMs > nowMs) this.#starts.push(startMs)
    this.busyMs += serviceMs
    return startMs
  }
}
