import type { Emulation } from '../../../stack/stack.ts'
import type { Core, Done, Work } from './core.ts'
import { KvCache } from './kv-cache.ts'
import type { BlockHash } from './kv-cache.ts'
import { Queue } from './queue.ts'
import type { Random } from './random.ts'

export type ContinuousEmulation = Extract<Emulation, { model: 'continuous' }>

/** Tokens in one block of the KV cache: vLLM's default. */
export const blockTokens = 16

export interface ContinuousRequest extends Work {
  readonly promptTokens: number
  readonly outputTokens: number
  /** The prompt's full blocks, when prefixes are to be shared. */
  readonly prefix?: readonly BlockHash[]
}

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
  /** Which tokens are told: all, or (for speed in virtual time) none but by `firstTokenMs` of `done`. Default true. */
  readonly tokenEvents?: boolean
}

interface Sequence {
  readonly id: number
  readonly promptTokens: number
  readonly outputTokens: number
  readonly work: number
  readonly prefix: readonly BlockHash[]
  readonly arrivalMs: number
  startMs: number
  firstTokenMs: number
  /** Tokens whose keys and values are in the cache. */
  computed: number
  generated: number
  /** Tokens that the step under way computes. */
  scheduled: number
  ownBlocks: number
  held: BlockHash[]
  cachedTokens: number
  cancelled: boolean
}

/**
 * Iteration-level continuous batching with chunked prefill, as vLLM's scheduler does it: each step first
 * serves the sequences that run (one token each, or the next chunk of their prompt), then admits those that
 * wait while tokens, sequences and KV blocks allow. When blocks run out the sequence admitted last is
 * preempted, and computed again later.
 *
 * A step takes `stepMs + b·msPerSequence` for its `b` decoding sequences, plus `prefillMs +
 * n·msPerPrefillToken` for its `n` prompt tokens, times noise of mean 1.
 */
export class ContinuousCore implements Core<ContinuousRequest, ContinuousEvent> {
  readonly #emulation: ContinuousEmulation
  readonly #random: Random
  readonly #tokenEvents: boolean
  readonly #cache: KvCache
  readonly #waiting = new Queue<Sequence>()
  #running: Sequence[] = []
  /** When the step under way ends; Infinity between steps. */
  #stepEndMs = Infinity
  #lastEndMs = -Infinity
  #events: ContinuousEvent[] = []
  busyMs = 0
  preemptions = 0
  /** Prompt tokens looked up in the prefix cache, and found there. */
  readonly prefixTokens = { queried: 0, hit: 0 }

  constructor(emulation: ContinuousEmulation, random: Random, options: ContinuousOptions = {}) {
    this.#emulation = emulation
    this.#random = random
    this.#tokenEvents = options.tokenEvents ?? true
    this.#cache = new KvCache(Math.floor(emulation.kvTokens / blockTokens))
  }

  get waiting(): number {
    return this.#waiting.size
  }

  get running(): number {
    return this.#running.length
  }

  get inFlight(): number {
    return this.#waiting.size + this.#running.length
  }

  /** Share of the KV cache's blocks that sequences hold, 0 … 1. */
  get kvUsage(): number {
    return 1 - this.#cache.available / this.#cache.blocks
  }

  /** Refused is what could never fit into the KV cache. */
  submit(request: ContinuousRequest, nowMs: number): 'accepted' | 'refused' {
    this.#settle(nowMs, false)
    if (request.promptTokens < 1 || request.outputTokens < 1)
      throw new RangeError('a sequence needs a token to read and one to write')
    if (blocksOf(request.promptTokens + request.outputTokens) > this.#cache.blocks) return 'refused'
    this.#waiting.push({
      id: request.id,
      promptTokens: request.promptTokens,
      outputTokens: request.outputTokens,
      work: request.work ?? 1,
      prefix: request.prefix ?? [],
      arrivalMs: nowMs,
      startMs: -1,
      firstTokenMs: -1,
      computed: 0,
      generated: 0,
      scheduled: 0,
      ownBlocks: 0,
      held: [],
      cachedTokens: 0,
      cancelled: false,
    })
    return 'accepted'
  }

  /** Forgets a request: at once when it waits, with the end of the step under way when it runs. Returns whether it was known. */
  cancel(id: number, nowMs: number): boolean {
    this.#settle(nowMs, false)
    if (this.#waiting.remove((sequence) => sequence.id === id) !== undefined) return true
    const running = this.#running.find((sequence) => sequence.id === id)
    if (running !== undefined) running.cancelled = true
    return running !== undefined
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
    if (this.#running.length > 0) return this.#lastEndMs
    const first = this.#waiting.peek()
    return first === undefined ? Infinity : Math.max(first.arrivalMs, this.#lastEndMs)
  }

  #beginStep(nowMs: number): void {
    let budget = this.#emulation.maxBatchedTokens
    let preempted = false
    for (let index = 0; index < this.#running.length; index++) {
      const sequence = this.#running[index]!
      const tokens = Math.min(budget, remaining(sequence))
      while (!this.#grow(sequence, tokens)) {
        preempted = true
        if (this.#preemptLast() === sequence) break
      }
      if (index >= this.#running.length) break
      sequence.scheduled = tokens
      budget -= tokens
    }
    // Who was preempted just now would be the first to be admitted again.
    if (!preempted) this.#admitWaiting(nowMs, budget)
    const durationMs = this.#durationMs()
    this.busyMs += durationMs
    this.#stepEndMs = nowMs + durationMs
  }

  #admitWaiting(nowMs: number, budget: number): void {
    let left = budget
    while (left > 0 && this.#running.length < this.#emulation.maxSequences) {
      const sequence = this.#waiting.peek()
      if (sequence === undefined || !this.#admit(sequence, left)) return
      this.#waiting.shift()
      if (sequence.startMs < 0) sequence.startMs = nowMs
      this.#running.push(sequence)
      left -= sequence.scheduled
    }
  }

  #durationMs(): number {
    const { stepMs, msPerSequence, prefillMs, msPerPrefillToken, cv } = this.#emulation
    let decoding = 0
    let decodingWork = 0
    let prefillWork = 0
    for (const sequence of this.#running) {
      if (sequence.computed >= sequence.promptTokens && sequence.scheduled === 1) {
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
    let kept = 0
    for (const sequence of this.#running) {
      this.#compute(sequence)
      if (!sequence.cancelled && remaining(sequence) === 0) this.#generate(sequence, atMs)
      if (sequence.cancelled || sequence.generated === sequence.outputTokens) this.#release(sequence)
      else this.#running[kept++] = sequence
    }
    this.#running.length = kept
  }

  #compute(sequence: Sequence): void {
    sequence.computed += sequence.scheduled
    sequence.scheduled = 0
    const full = Math.min(Math.floor(sequence.computed / blockTokens), sequence.prefix.length)
    while (sequence.held.length < full) {
      const hash = sequence.prefix[sequence.held.length]!
      // Another sequence computed the same block meanwhile: this copy, and what follows it, stays its own.
      if (!this.#cache.publish(hash)) break
      sequence.held.push(hash)
      sequence.ownBlocks--
    }
  }

  #generate(sequence: Sequence, atMs: number): void {
    const { id, arrivalMs, startMs, cachedTokens } = sequence
    if (sequence.generated === 0) sequence.firstTokenMs = atMs
    if (this.#tokenEvents) this.#events.push({ kind: 'token', id, atMs, index: sequence.generated })
    sequence.generated++
    if (sequence.generated < sequence.outputTokens) return
    const { firstTokenMs, outputTokens } = sequence
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

  #admit(sequence: Sequence, budget: number): boolean {
    // The last prompt token is always computed, since its output is the first token.
    const shareable = Math.floor((sequence.promptTokens - 1) / blockTokens)
    const hits = Math.min(this.#cache.match(sequence.prefix), shareable)
    const tokens = Math.min(budget, remaining(sequence) - hits * blockTokens)
    const wanted = blocksOf(hits * blockTokens + tokens) - hits
    if (wanted + this.#cache.idleAmong(sequence.prefix, hits) > this.#cache.available) return false
    this.#cache.hold(sequence.prefix, hits)
    this.#cache.take(wanted)
    sequence.held = sequence.prefix.slice(0, hits)
    sequence.ownBlocks = wanted
    sequence.computed = hits * blockTokens
    sequence.scheduled = tokens
    if (sequence.prefix.length > 0 && sequence.startMs < 0) {
      sequence.cachedTokens = sequence.computed
      this.prefixTokens.queried += sequence.promptTokens
      this.prefixTokens.hit += sequence.computed
    }
    return true
  }

  #grow(sequence: Sequence, tokens: number): boolean {
    const missing = blocksOf(sequence.computed + tokens) - sequence.ownBlocks - sequence.held.length
    if (missing <= 0) return true
    if (!this.#cache.take(missing)) return false
    sequence.ownBlocks += missing
    return true
  }

  #preemptLast(): Sequence | undefined {
    const sequence = this.#running.pop()
    if (sequence === undefined) return undefined
    this.#release(sequence)
    sequence.computed = 0
    sequence.scheduled = 0
    // A cancelled sequence has nobody to come back for.
    if (!sequence.cancelled) this.#waiting.unshift(sequence)
    this.preemptions++
    return sequence
  }

  #release(sequence: Sequence): void {
    this.#cache.release(sequence.ownBlocks, sequence.held)
    sequence.ownBlocks = 0
    sequence.held = []
  }
}

/** Tokens that are known and not yet computed. */
function remaining(sequence: Sequence): number {
  return sequence.promptTokens + sequence.generated - sequence.computed
}

function blocksOf(tokens: number): number {
  return Math.ceil(tokens / blockTokens)
}
