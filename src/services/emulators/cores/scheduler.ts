import { KvCache } from './kv-cache.ts'
import { Queue } from './queue.ts'
import { blocksOf, blockTokens, remaining } from './sequence.ts'
import type { Sequence } from './sequence.ts'

export interface SchedulerLimits {
  /** Sequences in one step. */
  readonly maxSequences: number
  /** Tokens in one step. */
  readonly maxBatchedTokens: number
  /** Tokens that the KV cache holds. */
  readonly kvTokens: number
}

/**
 * Which sequences each step computes how far, as vLLM's scheduler decides it: first those that run, one token
 * each or the next chunk of their prompt; then those that wait, while tokens, sequences and KV blocks allow.
 * When blocks run out the sequence admitted last is preempted, and computed again later.
 */
export class Scheduler {
  readonly cache: KvCache
  readonly waiting = new Queue<Sequence>()
  readonly running: Sequence[] = []
  readonly #limits: SchedulerLimits
  preemptions = 0
  /** Prompt tokens looked up in the prefix cache, and found there. */
  readonly prefixTokens = { queried: 0, hit: 0 }

  constructor(limits: SchedulerLimits) {
    this.#limits = limits
    this.cache = new KvCache(Math.floor(limits.kvTokens / blockTokens))
  }

  /** Whether a sequence of so many tokens in all could ever be served. */
  fits(tokens: number): boolean {
    return blocksOf(tokens) <= this.cache.blocks
  }

  /** Sets what each running sequence's next step computes. */
  schedule(nowMs: number): void {
    let budget = this.#limits.maxBatchedTokens
    let preempted = false
    for (let index = 0; index < this.running.length; index++) {
      const sequence = this.running[index]!
      const tokens = Math.min(budget, remaining(sequence))
      while (!this.#grow(sequence, tokens)) {
        preempted = true
        if (this.#preemptLast() === sequence) break
      }
      if (index >= this.running.length) break
      sequence.scheduled = tokens
      budget -= tokens
    }
    // Who was preempted just now would be the first to be admitted again.
    if (!preempted) this.#admitWaiting(nowMs, budget)
  }

  /** Counts what the step computed of a sequence, and shares the prompt blocks that it completed. */
  compute(sequence: Sequence): void {
    sequence.computed += sequence.scheduled
    sequence.scheduled = 0
    const full = Math.min(Math.floor(sequence.computed / blockTokens), sequence.prefix.length)
    while (sequence.held.length < full) {
      const hash = sequence.prefix[sequence.held.length]!
      // Another sequence computed the same block meanwhile: this copy, and what follows it, stays its own.
      if (!this.cache.publish(hash)) break
      sequence.held.push(hash)
      sequence.ownBlocks--
    }
  }

  /** Gives back the blocks of a sequence. */
  release(sequence: Sequence): void {
    this.cache.release(sequence.ownBlocks, sequence.held)
    sequence.ownBlocks = 0
    sequence.held = []
  }

  #admitWaiting(nowMs: number, budget: number): void {
    let left = budget
    while (left > 0 && this.running.length < this.#limits.maxSequences) {
      const sequence = this.waiting.peek()
      if (sequence === undefined || !this.#admit(sequence, left)) return
      this.waiting.shift()
      if (Number.isNaN(sequence.startMs)) this.#begin(sequence, nowMs)
      this.running.push(sequence)
      left -= sequence.scheduled
    }
  }

  #admit(sequence: Sequence, budget: number): boolean {
    // The last prompt token is always computed, since its output is the first token.
    const shareable = Math.floor((sequence.promptTokens - 1) / blockTokens)
    const hits = Math.min(this.cache.match(sequence.prefix), shareable)
    const tokens = Math.min(budget, remaining(sequence) - hits * blockTokens)
    const wanted = blocksOf(hits * blockTokens + tokens) - hits
    if (wanted + this.cache.idleAmong(sequence.prefix, hits) > this.cache.available) return false
    this.cache.hold(sequence.prefix, hits)
    this.cache.take(wanted)
    sequence.held = sequence.prefix.slice(0, hits)
    sequence.ownBlocks = wanted
    sequence.computed = hits * blockTokens
    sequence.scheduled = tokens
    return true
  }

  #begin(sequence: Sequence, nowMs: number): void {
    sequence.startMs = nowMs
    if (sequence.prefix.length === 0) return
    sequence.cachedTokens = sequence.computed
    this.prefixTokens.queried += sequence.promptTokens
    this.prefixTokens.hit += sequence.computed
  }

  #grow(sequence: Sequence, tokens: number): boolean {
    const missing = blocksOf(sequence.computed + tokens) - sequence.ownBlocks - sequence.held.length
    if (missing <= 0) return true
    if (!this.cache.take(missing)) return false
    sequence.ownBlocks += missing
    return true
  }

  #preemptLast(): Sequence | undefined {
    const sequence = this.running.pop()
    if (sequence === undefined) return undefined
    this.release(sequence)
    sequence.computed = 0
    sequence.scheduled = 0
    // A cancelled sequence has nobody to come back for.
    if (!sequence.cancelled) this.waiting.unshift(sequence)
    this.preemptions++
    return sequence
  }
}
