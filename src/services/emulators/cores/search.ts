import type { Emulation } from '../../../stack/stack.ts'
import type { Core, Done, Work } from './core.ts'
import { TimeHeap } from './heap.ts'
import type { Random } from './random.ts'
import { Servers } from './servers.ts'

export type SearchEmulation = Extract<Emulation, { model: 'search' }>

export interface SearchRequest extends Work {
  /** Points of each shard that this node searches for the request; empty when it only coordinates. */
  readonly points: readonly number[]
  /** Shards asked beyond the first, here or on other nodes, that this node merges. Default: those of `points`. */
  readonly furtherShards?: number
}

/**
 * The search threads of one vector node: each shard is one task of one thread, first come first served; a
 * request is done when its slowest shard is, and its answers are merged.
 */
export class SearchCore implements Core<SearchRequest, Done> {
  readonly #emulation: SearchEmulation
  readonly #random: Random
  readonly #threads: Servers
  readonly #departures = new TimeHeap<Done>()
  #nowMs = -Infinity

  constructor(emulation: SearchEmulation, random: Random) {
    this.#emulation = emulation
    this.#random = random
    this.#threads = new Servers(emulation.servers)
  }

  get busyMs(): number {
    return this.#threads.busyMs
  }

  get inFlight(): number {
    return this.#departures.size
  }

  /** Shards, not requests: a request of several may wait in part. */
  get waiting(): number {
    return this.#threads.waiting(this.#nowMs)
  }

  submit(request: SearchRequest, nowMs: number): 'accepted' {
    this.#nowMs = nowMs
    const { baseMs, msPerMillionPoints, fanoutMs, cv } = this.#emulation
    let firstStartMs = Infinity
    let slowestMs = nowMs
    for (const points of request.points) {
      const meanMs = (baseMs + (msPerMillionPoints * points) / 1e6) * (request.work ?? 1)
      const taskMs = meanMs * this.#random.lognormal(cv)
      const startMs = this.#threads.serve(nowMs, taskMs)
      firstStartMs = Math.min(firstStartMs, startMs)
      slowestMs = Math.max(slowestMs, startMs + taskMs)
    }
    const furtherShards = request.furtherShards ?? Math.max(0, request.points.length - 1)
    const atMs = slowestMs + fanoutMs * furtherShards
    const startMs = request.points.length === 0 ? nowMs : firstStartMs
    this.#departures.push(atMs, { kind: 'done', id: request.id, atMs, arrivalMs: nowMs, startMs })
    return 'accepted'
  }

  nextEventMs(): number {
    return this.#departures.firstMs
  }

  advance(nowMs: number): Done[] {
    this.#nowMs = nowMs
    return this.#departures.popUntil(nowMs)
  }
}
