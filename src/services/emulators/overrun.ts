import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { Registry } from 'prom-client'
import { Gauge } from 'prom-client'

const loopResolutionMs = 20

/** Milliseconds; how many answers were later than each of them is counted. */
const thresholdsMs = [
  0.5, 1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30, 40, 60, 80, 100, 150, 200, 300, 500, 1_000,
] as const

/**
 * How far real work outran modelled time: how late each event was told after the instant at which the model
 * has it happen, and how late the event loop itself ran, which delays arrivals that no event tells of.
 */
export class Overrun {
  readonly #events = createHistogram()
  readonly #loop = monitorEventLoopDelay({ resolution: loopResolutionMs })
  #worstMs = 0
  #answers = 0
  readonly #late = thresholdsMs.map(() => 0)

  /** Begins to watch the event loop: once the service is ready, since starting keeps it busy. */
  begin(): void {
    this.#loop.enable()
  }

  /**
   * `lateMs` from the modelled instant until the event was told and answered; `isAnswer` when it was its request's
   * last event.
   */
  record(lateMs: number, isAnswer: boolean): void {
    if (lateMs > this.#worstMs) this.#worstMs = lateMs
    if (isAnswer) {
      this.#answers++
      for (let i = 0; i < thresholdsMs.length && lateMs > thresholdsMs[i]!; i++) this.#late[i]!++
    }
    this.#events.record(Math.max(1, Math.round(lateMs * 1e6)))
  }

  /** The 99th percentile since the start, in milliseconds. */
  get p99Ms(): number {
    return Math.max(
      this.#events.count === 0 ? 0 : this.#events.percentile(99) / 1e6,
      loopDelayMs(this.#loop.percentile(99)),
    )
  }

  /** The greatest since it was last taken, in milliseconds. */
  takeWorstMs(): number {
    const worstMs = Math.max(this.#worstMs, loopDelayMs(this.#loop.max))
    this.#worstMs = 0
    this.#loop.reset()
    return worstMs
  }

  /** Answers since they were last taken, and those later than each threshold, by its milliseconds. */
  takeAnswers(): { answers: number; late: Record<string, number> } {
    const late = Object.fromEntries(thresholdsMs.map((ms, i) => [ms, this.#late[i]!]))
    const taken = { answers: this.#answers, late }
    this.#answers = 0
    this.#late.fill(0)
    return taken
  }

  /** Adds `ragscale_emulator_overrun_seconds` to what a replica answers at `/metrics`. */
  expose(registry: Registry): void {
    const read = () => this.p99Ms / 1000
    const gauge = new Gauge({
      name: 'ragscale_emulator_overrun_seconds',
      help: 'How far real work outran modelled time, 99th percentile.',
      labelNames: ['quantile'],
      registers: [],
      collect() {
        this.set({ quantile: '0.99' }, read())
      },
    })
    registry.registerMetric(gauge)
  }

  close(): void {
    this.#loop.disable()
  }
}

/** What the monitor records is the gap between two of its timer's calls; a timer is up to 1 ms late by itself. */
function loopDelayMs(gapNs: number): number {
  return Number.isFinite(gapNs) ? Math.max(0, gapNs / 1e6 - loopResolutionMs - 1) : 0
}
