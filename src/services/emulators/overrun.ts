import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { Registry } from 'prom-client'
import { Gauge } from 'prom-client'

const loopResolutionMs = 20

/** An answer is late when it is late by more than both: a timer's own grain, and a tenth of what it models. */
const noticeableMs = 1
const noticeableShare = 0.1

/**
 * How far real work outran modelled time: how late each event was told after the instant at which the model
 * has it happen, and how late the event loop itself ran, which delays arrivals that no event tells of.
 */
export class Overrun {
  readonly #events = createHistogram()
  readonly #loop = monitorEventLoopDelay({ resolution: loopResolutionMs })
  #worstMs = 0
  #answers = 0
  #overruns = 0

  /** Begins to watch the event loop: once the service is ready, since starting keeps it busy. */
  begin(): void {
    this.#loop.enable()
  }

  /**
   * `lateMs` from the modelled instant until the event was told and answered; `modelledMs` that its request was
   * to take in all, when it is the request's last event.
   */
  record(lateMs: number, modelledMs?: number): void {
    if (lateMs > this.#worstMs) this.#worstMs = lateMs
    if (modelledMs !== undefined) {
      this.#answers++
      if (lateMs > Math.max(noticeableMs, noticeableShare * modelledMs)) this.#overruns++
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

  /** Answers since they were last taken, and those that left noticeably late. */
  takeAnswers(): { answers: number; overruns: number } {
    const taken = { answers: this.#answers, overruns: this.#overruns }
    this.#answers = 0
    this.#overruns = 0
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
