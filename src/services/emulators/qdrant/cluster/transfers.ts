import { setTimeout as sleep } from 'node:timers/promises'
import { encodeWrite, decodeWriteReply, type WriteResult } from '../points/write-wire.ts'
import type { LocalShards } from '../storage/local-shards.ts'
import { encodeOperation, type ShardOperation } from '../storage/operation.ts'
import { pageSize, saysNotHere, type Shard } from '../storage/shard.ts'
import type { TransferName } from './change.ts'
import { QdrantError } from '../errors.ts'
import type { Cluster } from './cluster.ts'
import type { PeerClient } from './peer-client.ts'
import type { CollectionState, Transfer, TransferMethod } from './state.ts'

/** What a transfer takes at least: as measured, 3,000 points go in 0.6 s by records and in 0.8 s by snapshot. */
const pace: Readonly<Record<TransferMethod, { readonly startMs: number; readonly msPerPoint: number }>> = {
  stream_records: { startMs: 100, msPerPoint: 0.17 },
  snapshot: { startMs: 500, msPerPoint: 0.1 },
  wal_delta: { startMs: 100, msPerPoint: 0.02 },
}
/** How long a source passes writes on after the end: until all peers have heard that they must write here too. */
const farewellMs = 2000
const callMs = 30_000

export interface TransfersOptions {
  readonly cluster: Cluster
  readonly client: PeerClient
  readonly shards: LocalShards
}

interface Running {
  readonly collection: string
  readonly transfer: Transfer
  readonly startedMs: number
  sent: number
  total: number
  /** Whether writes are passed on already. */
  forwards: boolean
  cancelled: boolean
  /** Whether the shard has since begun to come back here: once it is here, nothing is passed on any more. */
  returns: boolean
  /** Whether a write could not be passed on: the target lacks it, and may not become active. */
  broken: boolean
  /** What is sent goes one after the other: a page holds all that was written before it was taken. */
  tail: Promise<void>
}

/** The transfers out of this node, and what is known here of those into it. */
export class Transfers {
  readonly #options: TransfersOptions
  readonly #running = new Map<string, Running>()
  /** When a transfer into this node was first heard of, by the same names. */
  readonly #incoming = new Map<string, number>()

  constructor(options: TransfersOptions) {
    this.#options = options
  }

  /** Starts what is to come from here, and stops what is no longer wanted. */
  follow(): void {
    const { cluster } = this.#options
    const wanted = new Set<string>()
    for (const collection of Object.values(cluster.state.collections)) {
      for (const transfer of collection.transfers) {
        const name = nameOf(collection.name, transfer)
        wanted.add(name)
        if (transfer.to === cluster.self && !this.#incoming.has(name))
          this.#incoming.set(name, performance.now())
        // One of the same name that has ended may still say farewell.
        const idle = this.#running.get(name)?.cancelled ?? true
        if (transfer.from === cluster.self && idle) this.#start(collection, transfer, name)
      }
    }
    for (const name of this.#incoming.keys()) if (!wanted.has(name)) this.#incoming.delete(name)
    for (const [name, running] of this.#running) {
      if (running.cancelled) this.#endFarewell(name, running)
      if (wanted.has(name) || running.cancelled) continue
      running.cancelled = true
      setTimeout(() => {
        if (this.#running.get(name) === running) this.#running.delete(name)
      }, farewellMs).unref()
    }
  }

  /** Passes a write on to where its shard is being transferred; resolves when it need not be waited for longer. */
  forward(collection: string, shard: number, operation: Buffer): Promise<void> | undefined {
    const passed = this.#forwarding(collection, shard).map((running) => this.#pass(running, operation))
    return passed.length === 0 ? undefined : Promise.all(passed).then(() => undefined)
  }

  /** Hands a write over to where its shard has gone; undefined when none has gone from here lately. */
  redirect(collection: string, shard: number, operation: Buffer): Promise<WriteResult> | undefined {
    const gone = this.#forwarding(collection, shard).findLast(({ cancelled }) => cancelled)
    if (gone === undefined) return undefined
    return this.#queue(gone, () => this.#post(gone, operation)).catch((error: unknown) => {
      if (error instanceof QdrantError) return error
      throw error
    })
  }

  /** How far a transfer is, as far as this node knows. */
  comment(collection: string, transfer: Transfer): string | undefined {
    const name = nameOf(collection, transfer)
    const running = this.#running.get(name)
    const seconds = (sinceMs: number) => ((performance.now() - sinceMs) / 1000).toFixed(2)
    if (running !== undefined) {
      const records = running.total === 0 ? '' : ` | Transferring records (${running.sent}/${running.total})`
      return `transferring (${seconds(running.startedMs)}s)${records}`
    }
    const since = this.#incoming.get(name)
    return since !== undefined && transfer.method === 'snapshot'
      ? `downloading (${seconds(since)}s)`
      : undefined
  }

  #forwarding(collection: string, shard: number): Running[] {
    return [...this.#running.values()].filter(
      (running) => running.forwards && running.collection === collection && running.transfer.shard === shard,
    )
  }

  /** Once a shard has come back to this node, what is written here stays here. */
  #endFarewell(name: string, running: Running): void {
    const { cluster } = this.#options
    const transfers = cluster.state.collections[running.collection]?.transfers ?? []
    const comes = transfers.some(({ shard, to }) => shard === running.transfer.shard && to === cluster.self)
    if (running.returns && !comes) this.#running.delete(name)
    running.returns = comes
  }

  #start(collection: CollectionState, transfer: Transfer, name: string): void {
    const running: Running = {
      collection: collection.name,
      transfer,
      startedMs: performance.now(),
      sent: 0,
      total: 0,
      forwards: false,
      cancelled: false,
      returns: false,
      broken: false,
      tail: Promise.resolve(),
    }
    this.#running.set(name, running)
    const { shard, from, to } = transfer
    const end = (kind: 'finish_transfer' | 'abort_transfer') =>
      this.#options.cluster.propose({ kind, collection: collection.name, transfer: { shard, from, to } })
    const carry = async (): Promise<void> => {
      await this.#carry(collection, running)
      if (running.broken) throw new Error('a write could not be passed on')
      if (!running.cancelled) await end('finish_transfer')
      // One that was lost while the end was being agreed on.
      if (running.broken) await this.#giveUp(collection.name, transfer)
    }
    carry()
      .catch(async () => {
        running.forwards = false
        if (!running.cancelled) await end('abort_transfer')
      })
      // Refused, or no majority: the leader gives up transfers that do not move.
      .catch(() => undefined)
  }

  async #carry(collection: CollectionState, running: Running): Promise<void> {
    const { transfer } = running
    const shard = this.#options.shards.get(collection, transfer.shard)
    const send = (operation: ShardOperation) => this.#send(running, encodeOperation(operation))
    await this.#queue(running, () => this.#reach(running))
    // From here on every write is passed on; the target numbers them as this replica does.
    running.forwards = true
    const from = shard.operationNumber
    const ids = [...shard.points.sortedIds()]
    running.total = ids.length
    await this.#queue(running, () => send({ kind: 'continue', from }))
    const { startMs, msPerPoint } = pace[transfer.method]
    await sleep(startMs)
    for (let at = 0; at < ids.length && !running.cancelled; at += pageSize) {
      const page = ids.slice(at, at + pageSize)
      await this.#queue(running, () => send({ kind: 'restore', points: pointsOf(shard, page) }))
      running.sent += page.length
      const dueMs = running.startedMs + startMs + msPerPoint * running.sent
      await sleep(Math.max(0, dueMs - performance.now()))
    }
  }

  async #pass(running: Running, operation: Buffer): Promise<void> {
    try {
      await this.#queue(running, () => this.#send(running, operation))
    } catch {
      running.broken = true
      await this.#giveUp(running.collection, running.transfer).catch(() => undefined)
    }
  }

  /** Sees to it that nobody reads from a target that has missed a write. */
  async #giveUp(collection: string, { shard, to: peer }: Transfer): Promise<void> {
    const replicas = [{ shard, peer, from: 'Active', to: 'Dead' }] as const
    await this.#options.cluster.propose({ kind: 'set_replicas', collection, replicas })
  }

  /** Empties the target's replica, once the target has heard of the transfer. */
  async #reach(running: Running): Promise<void> {
    const reset = encodeOperation({ kind: 'reset' })
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#send(running, reset)
      } catch (error) {
        if (!saysNotHere(error) || attempt === 50) throw error
        await sleep(100)
      }
    }
  }

  async #send(running: Running, operation: Buffer): Promise<void> {
    const result = await this.#post(running, operation)
    if (typeof result !== 'number') throw result
  }

  async #post({ collection, transfer }: Running, operation: Buffer): Promise<WriteResult> {
    const { cluster, client } = this.#options
    const { shard, from, to } = transfer
    const body = encodeWrite({ collection, parts: [{ shard, operation }], from })
    const reply = await client.call({ uri: cluster.uriOf(to), path: 'write', body, timeoutMs: callMs })
    return decodeWriteReply(reply)[0]!
  }

  #queue<T>(running: Running, task: () => Promise<T>): Promise<T> {
    const done = running.tail.then(task)
    running.tail = done.then(
      () => undefined,
      () => undefined,
    )
    return done
  }
}

/** Those that still are. */
function pointsOf(
  { points }: Shard,
  ids: readonly Parameters<typeof points.indexOf>[0][],
): ReturnType<typeof points.at>[] {
  return ids.flatMap((id) => {
    const index = points.indexOf(id)
    return index === undefined ? [] : [points.at(index)]
  })
}

function nameOf(collection: string, { shard, from, to }: TransferName): string {
  return `${collection}:${shard}:${from}:${to}`
}
