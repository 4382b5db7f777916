import type { Emulation } from '../../../stack/stack.ts'
import type { Core, Done } from './core.ts'
import type { Random } from './random.ts'
import { Scheduler } from './scheduler.ts'
import { decodes, remaining, sequenceOf } from './sequence.ts'
import type { ContinuousRequest, Sequence } from './sequence.ts'

export type { ContinuousRequest } from './sequence.ts'

export type ContinuousEmulation = Extract<Emulation, { model: 'continuous' }>

export interface TokenEvent {
  readonly kind: 'token'
  readonly id: number
  readonly atMs: number
  /** From 0. */
  readonly index: number
}

export interface ContinuousDone extends Done {
  readonly firstTokenMs: number
  readonly outputTokens: number
  /** Prompt tokens that were found in the prefix cache. */
  readonly cachedTokens: number
}

export type ContinuousEvent = TokenEvent | ContinuousDone

export interface ContinuousOptions {
  /** Whether every token is told, or (for speed in virtual time) only the first, by `firstTokenMs` of `done`. Default true. */
  readonly tokenEvents?: boolean
}

/**
 * Iteration-level continuous batching with chunked prefill: one step after another, each over the sequences
 * that the scheduler chose. A step takes `stepMs + b·msPerSequence` for its `b` decoding sequences, plus
 * `prefillMs + n·msPerPrefillToken` for its `n` prompt tokens, times noise of mean 1.
 */
export class ContinuousCore implements Core<ContinuousRequest, ContinuousEvent> {
  readonly #emulation: ContinuousEmulation
  readonly #random: Random
  readonly #tokenEvents: boolean
  readonly #scheduler: Scheduler
  /** When the step under way ends; Infinity between steps. */
  #stepEndMs = Infinity
  #lastEndMs = -Infinity
  #events: ContinuousEvent[] = []
  busyMs = 0

  constructor(emulation: ContinuousEmulation, random: Random, options: ContinuousOptions = {}) {
    this.#emulation = emulation
    this.#random = random
    this.#tokenEvents = options.tokenEvents ?? true
    this.#scheduler = new Scheduler(emulation)
  }

  get waiting(): number {
    return this.#scheduler.waiting.size
  }

  get running(): number {
    return this.#scheduler.running.length
  }

  get inFlight(): number {
    return this.waiting + this.running
  }

  /** Share of the KV cache's blocks that sequences hold, 0 … 1. */
  get kvUsage(): number {
    const { available, blocks } = this.#scheduler.cache
    return 1 - available / blocks
  }

  get preemptions(): number {
    return this.#scheduler.preemptions
  }

  /** Prompt tokens looked up in the prefix cache, and found there. */
  get prefixTokens(): { readonly queried: number; readonly hit: number } {
    return this.#scheduler.prefixTokens
  }

  /** Refused is what could never fit into the KV cache. */
  submit(request: ContinuousRequest, nowMs: number): 'accepted' | 'refused' {
    this.#settle(nowMs, false)
    if (!this.#scheduler.fits(request.promptTokens + request.outputTokens)) return 'refused'
    this.#scheduler.waiting.push(sequenceOf(request, nowMs))
    return 'accepted'
  }

  /** Forgets a request: at once when it waits, with the end of the step under way when it runs. Returns whether it was known. */
  cancel(id: number, nowMs: number): boolean {
    this.#settle(nowMs, false)
    const { waiting, running } = this.#scheduler
    if (waiting.remove((sequence) => sequence.id === id) !== undefined) return true
    const found = running.find((sequence) => sequence.id === id)
    if (found !== undefined) found.cancelled = true
    return found !== undefined
  }

  nextEventMs(): number {
    const event = this.#events[0]
    if (event !== undefined) return event.atMs
    return this.#stepEndMs === Infinity ? this.#nextStepMs() : this.#stepEndMs
  }

  advance(nowMs: number): ContinuousEvent[] {
    this.#settle(nowMs, true)
    const events = this.#events
    this.#events = []
    return events
  }

  /** Plays what is due before `nowMs`, or until it: what arrives at `nowMs` itself comes before a step begun then. */
  #settle(nowMs: number, inclusive: boolean): void {
    const due = (timeMs: number) => timeMs < nowMs || (inclusive && timeMs === nowMs && timeMs !== Infinity)
    for (;;) {
      if (this.#stepEndMs !== Infinity) {
        if (!due(this.#stepEndMs)) return
        this.#endStep()
      } else {
        const stepMs = this.#nextStepMs()
        if (!due(stepMs)) return
        this.#beginStep(stepMs)
      }
    }
  }

  #nextStepMs(): number {
    if (this.running > 0) return this.#lastEndMs
    const first = this.#scheduler.waiting.peek()
    return first === undefined ? Infinity : Math.max(first.arrivalMs, this.#lastEndMs)
  }

  #beginStep(nowMs: number): void {
    this.#scheduler.schedule(nowMs)
    const durationMs = this.#durationMs()
    this.busyMs += durationMs
    this.#stepEndMs = nowMs + durationMs
  }

  #durationMs(): number {
    const { stepMs, msPerSequence, prefillMs, msPerPrefillToken, cv } = this.#emulation
    let decoding = 0
    let decodingWork = 0
    let prefillWork = 0
    for (const sequence of this.#scheduler.running) {
      if (decodes(sequence)) {
        decoding++
        decodingWork += sequence.work
      } else prefillWork += sequence.scheduled * sequence.work
    }
    const decodeMs = decoding === 0 ? 0 : stepMs + msPerSequence * decodingWork
    const promptMs = prefillWork === 0 ? 0 : prefillMs + msPerPrefillToken * prefillWork
    return (decodeMs + promptMs) * this.#random.lognormal(cv)
  }

  #endStep(): void {
    const atMs = this.#stepEndMs
    this.#stepEndMs = Infinity
    this.#lastEndMs = atMs
    const { running } = this.#scheduler
    let kept = 0
    for (const sequence of running) {
      this.#scheduler.compute(sequence)
      if (!sequence.cancelled && remaining(sequence) === 0) this.#generate(sequence, atMs)
      if (sequence.cancelled || sequence.generated === sequence.outputTokens)
        this.#scheduler.release(sequence)
      else running[kept++] = sequence
    }
    running.length = kept
  }

  #generate(sequence: Sequence, atMs: number): void {
    const { id, arrivalMs, startMs, cachedTokens, outputTokens } = sequence
    if (sequence.generated === 0) sequence.firstTokenMs = atMs
    if (this.#tokenEvents) this.#events.push({ kind: 'token', id, atMs, index: sequence.generated })
    sequence.generated++
    if (sequence.generated < outputTokens) return
    const { firstTokenMs } = sequence
    this.#events.push({
      kind: 'done',
      id,
      atMs,
      arrivalMs,
      startMs,
      firstTokenMs,
      outputTokens,
      cachedTokens,
    })
  }
}
