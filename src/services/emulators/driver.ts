import { performance } from 'node:perf_hooks'
import type { Core } from './cores/core.ts'
import { Overrun } from './overrun.ts'

export interface DriverOptions {
  /** Milliseconds; monotonic. Default: since 1970, so that logs of several processes can be laid side by side. */
  readonly clock?: () => number
  /**
   * A timer is precise to a whole millisecond. What remains of a wait below this is spun through, and what
   * remains above it is rounded up: an event is at most `1 - spinMs` late, for at most `spinMs` of CPU.
   */
  readonly spinMs?: number
}

/**
 * Runs a core in real time: tells each event as soon as its modelled instant has come, never before. Modelled
 * time does not drift with the lateness of timers, which is kept in `overrun`.
 */
export class Driver<
  Request,
  Event extends { readonly atMs: number; readonly arrivalMs?: number },
  C extends Core<Request, Event> = Core<Request, Event>,
> {
  readonly core: C
  readonly overrun = new Overrun()
  readonly #onEvent: (event: Event) => void
  readonly #clock: () => number
  readonly #spinMs: number
  #dueMs = Infinity
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(core: C, onEvent: (event: Event) => void, options: DriverOptions = {}) {
    this.core = core
    this.#onEvent = onEvent
    this.#clock = options.clock ?? (() => performance.timeOrigin + performance.now())
    this.#spinMs = options.spinMs ?? 0.25
  }

  nowMs(): number {
    return this.#clock()
  }

  /** `arrivalMs`: when the request had come in, taken before the work of reading it; not before an earlier call's. */
  submit(request: Request, arrivalMs: number = this.#clock()): 'accepted' | 'refused' {
    const answer = this.core.submit(request, arrivalMs)
    this.#schedule()
    return answer
  }

  /** Changes the core in a way of its own, such as cancelling a request. */
  change<Result>(how: (core: C, nowMs: number) => Result): Result {
    const result = how(this.core, this.#clock())
    this.#schedule()
    return result
  }

  close(): void {
    this.#cancelWait()
    this.#dueMs = Infinity
    this.overrun.close()
  }

  #schedule(): void {
    const dueMs = this.core.nextEventMs()
    if (dueMs === this.#dueMs) return
    this.#cancelWait()
    this.#dueMs = dueMs
    if (dueMs !== Infinity) this.#wait(dueMs - this.#clock())
  }

  #wait(ms: number): void {
    if (ms <= this.#spinMs) {
      this.#immediate = setImmediate(this.#wake)
      return
    }
    const whole = Math.floor(ms)
    this.#timer = setTimeout(this.#wake, Math.max(1, ms - whole <= this.#spinMs ? whole : whole + 1))
  }

  #cancelWait(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
  }

  readonly #wake = (): void => {
    const nowMs = this.#clock()
    if (nowMs < this.#dueMs) {
      this.#wait(this.#dueMs - nowMs)
      return
    }
    this.#dueMs = Infinity
    for (const event of this.core.advance(nowMs)) {
      this.#onEvent(event)
      const { atMs, arrivalMs } = event
      this.overrun.record(this.#clock() - atMs, arrivalMs !== undefined)
    }
    this.#schedule()
  }
}
