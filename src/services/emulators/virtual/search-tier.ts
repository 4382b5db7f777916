import { seededRandom } from '../cores/random.ts'
import { SearchCore } from '../cores/search.ts'
import type { SearchEmulation } from '../cores/search.ts'
import { TimeHeap } from '../cores/heap.ts'
import type { Choose } from './balancing.ts'
import type { Finished, RunningTier, VirtualTier, Visit } from './tier.ts'

interface Pending {
  readonly query: number
  left: number
}

/**
 * A vector tier: the balancer's node coordinates, searches the shards of which it has a copy, asks a node that
 * has one for each of the others, and answers when the slowest is done and all are merged.
 */
export class SearchTier implements RunningTier {
  readonly #nodes: readonly SearchCore[]
  readonly #choose: Choose
  readonly #emulation: SearchEmulation
  readonly #shardPoints: number
  /** The nodes of each shard's copies. */
  readonly #copies: readonly (readonly number[])[]
  readonly #random
  readonly #pending = new Map<number, Pending>()
  readonly #merged = new TimeHeap<Finished>()
  /** Queries that each node coordinates, which is what a balancer sees of it. */
  readonly #coordinated: number[]
  readonly #coordinators = new Map<number, number>()
  readonly #inFlight = (node: number) => this.#coordinated[node]!
  #nextTask = 0
  nextMs = Infinity

  constructor(tier: VirtualTier, emulation: SearchEmulation, choose: Choose, seed: number) {
    const { points, shards, replication } = tier.collection ?? {
      points: 1e6,
      shards: 1,
      replication: tier.replicas,
    }
    this.#emulation = emulation
    this.#choose = choose
    this.#nodes = Array.from(
      { length: tier.replicas },
      (_, node) => new SearchCore(emulation, seededRandom(seed, `${tier.name} ${node}`)),
    )
    this.#shardPoints = points / shards
    const copies = Math.min(replication, tier.replicas)
    this.#copies = Array.from({ length: shards }, (_, shard) =>
      // As many on each node as on the next, as Qdrant spreads them.
      Array.from({ length: copies }, (_, copy) => (shard * copies + copy) % tier.replicas),
    )
    this.#coordinated = Array.from({ length: tier.replicas }, () => 0)
    this.#random = seededRandom(seed, `${tier.name} copies`)
  }

  submit(visit: Visit, nowMs: number): 'accepted' {
    const coordinator = this.#choose(this.#inFlight)
    const shardsOf = new Map<number, number[]>()
    for (const nodes of this.#copies) {
      const node = nodes.includes(coordinator) ? coordinator : nodes[this.#random.below(nodes.length)]!
      const asked = shardsOf.get(node) ?? []
      asked.push(this.#shardPoints)
      shardsOf.set(node, asked)
    }
    const pending: Pending = { query: visit.id, left: shardsOf.size }
    for (const [node, points] of shardsOf) {
      const id = this.#nextTask++
      this.#pending.set(id, pending)
      this.#nodes[node]!.submit({ id, work: visit.work, points, furtherShards: 0 }, nowMs)
    }
    this.#coordinated[coordinator]!++
    this.#coordinators.set(visit.id, coordinator)
    this.#look()
    return 'accepted'
  }

  advance(nowMs: number): Finished[] {
    for (const node of this.#nodes) {
      for (const { id, atMs } of node.advance(nowMs)) {
        const pending = this.#pending.get(id)!
        this.#pending.delete(id)
        if (--pending.left > 0) continue
        const mergedMs = atMs + this.#emulation.fanoutMs * (this.#copies.length - 1)
        this.#merged.push(mergedMs, { id: pending.query, atMs: mergedMs })
      }
    }
    const finished = this.#merged.popUntil(nowMs)
    for (const { id } of finished) {
      this.#coordinated[this.#coordinators.get(id)!]!--
      this.#coordinators.delete(id)
    }
    this.#look()
    return finished
  }

  busyMs(): number[] {
    return this.#nodes.map((node) => node.busyMs)
  }

  #look(): void {
    let earliest = this.#merged.firstMs
    for (const node of this.#nodes) earliest = Math.min(earliest, node.nextEventMs())
    this.nextMs = earliest
  }
}
