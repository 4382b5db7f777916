import type { Cluster } from '../cluster/cluster.ts'
import type { PeerClient } from '../cluster/peer-client.ts'
import type { PeerId } from '../cluster/peer.ts'
import { activeReplicas, type CollectionState } from '../cluster/state.ts'
import { QdrantError, serviceError, timedOut } from '../errors.ts'
import { metrics } from '../search/distance.ts'
import { decodeAnswer, noAnswer, type ReadAnswer } from './answer.ts'
import { readLocally, type LocalReadOptions } from './local-read.ts'
import { agreedHits, mergeAnswers, mergeHits, orderOf } from './merge.ts'
import { encodeRead, type ReadRequest } from './request.ts'

/** How many replicas of a shard must answer alike: a number, or as Qdrant names it. */
export type Consistency = 'all' | 'majority' | 'quorum' | number

export interface ReadOptions extends LocalReadOptions {
  readonly cluster: Cluster
  readonly client: PeerClient
}

export interface ClusterRead {
  readonly collection: CollectionState
  readonly shards: readonly number[]
  readonly read: ReadRequest
  readonly consistency?: Consistency | undefined
  readonly timeoutMs?: number | undefined
  readonly arrivalMs: number
}

const longestMs = 60_000

/** Reads shards wherever they are, and merges: one replica of each, or as many as the consistency asks for. */
export class Reads {
  readonly #options: ReadOptions
  #turn = 0

  constructor(options: ReadOptions) {
    this.#options = options
  }

  async read(request: ClusterRead): Promise<ReadAnswer> {
    const { timeoutMs } = request
    if (timeoutMs === undefined) return await this.#read(request)
    const seconds = timeoutMs / 1000
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(timedOut(`Operation 'Search' timed out after ${seconds} seconds`)),
        timeoutMs,
      )
    })
    try {
      return await Promise.race([this.#read(request), late])
    } finally {
      clearTimeout(timer)
    }
  }

  async #read(request: ClusterRead): Promise<ReadAnswer> {
    const { collection, shards, read } = request
    const turn = this.#turn++
    const candidates = new Map(shards.map((shard) => [shard, this.#candidates(collection, shard, turn)]))
    const rounds = Math.max(1, ...shards.map((shard) => this.#replicasAsked(request, shard)))
    const answers = await Promise.all(
      Array.from({ length: rounds }, (_, round) => this.#round(request, candidates, round)),
    )
    if (answers.length === 1) return answers[0]!
    const needed = request.consistency === 'majority' ? Math.floor(rounds / 2) + 1 : rounds
    const hits = answers[0]!.hits.map((_, index) => {
      const agreed = agreedHits(
        answers.map((answer) => answer.hits[index]!),
        needed,
      )
      const find = read.kind === 'find' ? read.finds[index] : undefined
      return find === undefined
        ? agreed
        : mergeHits([agreed, []], orderOf(find, largerIsNearer(collection)), find.limit)
    })
    return { ...answers[0]!, hits }
  }

  /**
   * Active replicas of a shard, the own first, the others in turn: of one query all shards the same turn, so
   * that those which a single peer holds are asked for in one call.
   */
  #candidates(collection: CollectionState, shard: number, turn: number): PeerId[] {
    const { self } = this.#options.cluster
    const active = activeReplicas(collection.shards[shard]!)
    const others = active.filter((peer) => peer !== self).sort()
    const start = others.length === 0 ? 0 : turn % others.length
    const turned = [...others.slice(start), ...others.slice(0, start)]
    return active.includes(self) ? [self, ...turned] : turned
  }

  #replicasAsked({ collection, consistency }: ClusterRead, shard: number): number {
    const state = collection.shards[shard]!
    const all = Object.keys(state.replicas).length
    const active = activeReplicas(state).length
    const asked =
      consistency === undefined
        ? 1
        : consistency === 'all' || consistency === 'majority'
          ? all
          : consistency === 'quorum'
            ? Math.floor(all / 2) + 1
            : Math.min(Math.max(1, consistency), all)
    if (active < asked) {
      const { self } = this.#options.cluster
      throw serviceError(
        `The replica set for shard ${shard} on peer ${self} does not have enough active replicas`,
      )
    }
    return asked
  }

  /** Reads every shard from one replica; the `round`th candidate, and the ones after it where it fails. */
  async #round(
    request: ClusterRead,
    candidates: ReadonlyMap<number, PeerId[]>,
    round: number,
  ): Promise<ReadAnswer> {
    const left = new Map(
      [...candidates].map(([shard, peers]) => [shard, [...peers.slice(round), ...peers.slice(0, round)]]),
    )
    const failures = new Map<number, QdrantError[]>()
    const answers: ReadAnswer[] = []
    let pending = [...left.keys()]
    let first = true
    while (pending.length > 0 || first) {
      const groups = new Map<PeerId, number[]>()
      for (const shard of pending) {
        const peer = left.get(shard)!.shift()
        if (peer === undefined) throw readFailed(failures.get(shard) ?? [])
        groups.set(peer, [...(groups.get(peer) ?? []), shard])
      }
      const again: number[] = []
      const asked = [...groups].map(async ([peer, shards]) => {
        try {
          answers.push(await this.#ask(request, peer, shards, first))
        } catch (error) {
          if (!(error instanceof QdrantError) || !error.transient) throw error
          for (const shard of shards) failures.set(shard, [...(failures.get(shard) ?? []), error])
          again.push(...shards)
        }
      })
      // Who coordinates merges, even when it searches nothing itself.
      if (first && !groups.has(this.#options.cluster.self)) asked.push(this.#mergeOnly(request))
      await Promise.all(asked)
      pending = again
      first = false
    }
    if (answers.length === 0)
      return { ...noAnswer, hits: request.read.kind === 'find' ? request.read.finds.map(() => []) : [[]] }
    return mergeAnswers(answers, request.read, largerIsNearer(request.collection))
  }

  async #ask(
    request: ClusterRead,
    peer: PeerId,
    shards: readonly number[],
    first: boolean,
  ): Promise<ReadAnswer> {
    const { cluster, client } = this.#options
    const { collection, read, arrivalMs } = request
    if (peer === cluster.self) {
      const furtherShards = first ? request.shards.length - 1 : 0
      return await readLocally(this.#options, { collection, shards, read, arrivalMs, furtherShards })
    }
    const body = encodeRead({ collection: collection.name, shards, read })
    const answer = await client.call({ uri: cluster.uriOf(peer), path: 'read', body, timeoutMs: longestMs })
    return decodeAnswer(answer.toString())
  }

  async #mergeOnly({ read, shards, arrivalMs }: ClusterRead): Promise<void> {
    if (read.kind !== 'find') return
    const searches = read.finds.filter(({ vector }) => vector !== null)
    await Promise.all(
      searches.map(() => this.#options.timing.search([], Math.max(0, shards.length - 1), arrivalMs)),
    )
  }
}

function readFailed(errors: readonly QdrantError[]): QdrantError {
  if (errors.length === 0) return serviceError('0 of 0 read operations failed')
  const details = errors.map(({ message }) => `\n  ${message}`).join('')
  return serviceError(`${errors.length} of ${errors.length} read operations failed:${details}`)
}

function largerIsNearer(collection: CollectionState): boolean {
  return metrics[collection.config.params.vectors.distance].largerIsNearer
}
