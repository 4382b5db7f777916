import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { QdrantError, serviceError } from '../errors.ts'
import { Addresses, type Address } from './addresses.ts'
import type { Change, Proposal } from './change.ts'
import { Consensus, heartbeatMs } from './consensus.ts'
import type { ConsensusStore } from './consensus-store.ts'
import type { Message, Reply } from './messages.ts'
import type { PeerId } from './peer.ts'
import type { PeerClient } from './peer-client.ts'
import type { ClusterState } from './state.ts'
import { NotLeader } from './waiting.ts'

/** How long a change may take to be agreed on before its client is told that it was not. */
const agreementMs = 10_000
const joinMs = 30_000
/** How long a leader waits for the followers that answer, so that a client sees its change on every peer. */
const settleMs = 1000

export interface ClusterOptions {
  readonly store: ConsensusStore
  readonly client: PeerClient
  /** Where this peer is reached. */
  readonly uri: string
  /** Where a peer of the cluster to join is; null for the first. */
  readonly bootstrap: string | null
}

interface Greeting {
  readonly peer: PeerId
  readonly addresses: Record<PeerId, Address>
}

interface ProposeReply {
  readonly index: number
  readonly refused: { readonly status: number; readonly message: string } | null
}

/** This peer's membership of its cluster: what is agreed on, who is where, and how to change it. */
export class Cluster {
  readonly consensus: Consensus
  readonly addresses = new Addresses()
  readonly #options: ClusterOptions
  readonly #listeners = new Set<() => void>()
  #caughtUp = false
  #closed = false

  constructor(options: ClusterOptions) {
    this.#options = options
    this.consensus = new Consensus({
      store: options.store,
      send: (to, message) => this.post<Reply>(to, 'consensus', message, 1000),
      onApplied: () => {
        for (const listener of this.#listeners) listener()
      },
    })
    this.addresses.learn({ [this.self]: { uri: options.uri, since: Date.now() } })
  }

  get self(): PeerId {
    return this.consensus.self
  }
  get state(): ClusterState {
    return this.consensus.state
  }

  /** Whether what is agreed on is known here as far as the leader knew it, since this process started. */
  get caughtUp(): boolean {
    const { role, pending } = this.consensus
    return (this.#caughtUp ||= role === 'Leader' && pending === 0)
  }

  uriOf(peer: PeerId): string {
    const uri = this.addresses.uriOf(peer, this.state)
    if (uri === undefined) throw serviceError(`Address of peer ID: ${peer} not found`)
    return uri
  }

  /** Calls back after every change of the state. */
  onApplied(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Resolves to whether a condition of the state came true in time. */
  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    if (condition()) return true
    return await new Promise<boolean>((resolve) => {
      const finish = (met: boolean): void => {
        clearTimeout(timer)
        clearInterval(poll)
        this.#listeners.delete(check)
        resolve(met)
      }
      const check = (): void => {
        if (condition()) finish(true)
      }
      const timer = setTimeout(() => finish(condition()), timeoutMs)
      // Not all that is waited for comes with a change: a leader that has been found does not.
      const poll = setInterval(check, 50)
      this.#listeners.add(check)
    })
  }

  /** Founds a cluster, joins one, or comes back to the one that this peer was a member of. */
  async start(): Promise<void> {
    const { bootstrap, uri } = this.#options
    const isNew = Object.keys(this.state.peers).length === 0
    const founds = bootstrap === null || new URL(bootstrap).origin === new URL(uri).origin
    if (isNew && founds) this.consensus.begin(uri)
    else if (isNew) await this.#join(bootstrap!)
    else void this.#return()
  }

  /** Makes a change by agreement; rejects with the reason when it is refused or when there is no majority. */
  async propose(change: Change, timeoutMs = agreementMs): Promise<void> {
    const { index, refused } = await this.submit({ id: randomUUID(), change }, timeoutMs)
    if (refused !== null) throw new QdrantError(refused.status, refused.message)
    await this.until(() => this.consensus.applied >= index, timeoutMs)
  }

  /** Hands a proposal to whoever leads, until it is agreed on. */
  async submit(proposal: Proposal, timeoutMs = agreementMs): Promise<ProposeReply> {
    const deadline = performance.now() + timeoutMs
    while (performance.now() < deadline && !this.#closed) {
      const { leader } = this.consensus
      try {
        if (leader === this.self) return await this.#decide(proposal, deadline - performance.now())
        if (leader !== null)
          return await this.post<ProposeReply>(leader, 'decide', proposal, deadline - performance.now())
      } catch (error) {
        const passing = error instanceof NotLeader || (error instanceof QdrantError && error.transient)
        if (!passing) throw error
      }
      await sleep(heartbeatMs / 2)
    }
    throw serviceError(
      `Waiting for consensus operation commit failed. Timeout set at: ${Math.round(timeoutMs / 1000)} seconds`,
    )
  }

  /** Answers what other peers ask about the cluster itself. */
  async answer(path: string, body: Buffer): Promise<unknown> {
    const asked: unknown = JSON.parse(body.toString())
    switch (path) {
      case 'consensus': {
        const message = asked as Message
        const reply = this.consensus.receive(message)
        const upToDate = message.kind === 'append' && reply.ok && this.consensus.applied >= message.commit
        // A new leader's word for what is agreed on counts from its own first entry on.
        if (upToDate) this.#caughtUp ||= this.consensus.isOfThisTerm(message.commit)
        return reply
      }
      case 'decide':
        if (this.consensus.role !== 'Leader') throw serviceError('this peer does not lead')
        return await this.#decide(asked as Proposal, agreementMs)
      case 'propose':
        return await this.submit(asked as Proposal)
      case 'hello':
        this.addresses.learn((asked as Greeting).addresses)
        return { peer: this.self, addresses: this.addresses.all() } satisfies Greeting
      default:
        return undefined
    }
  }

  async post<T>(peer: PeerId, path: string, body: unknown, timeoutMs: number): Promise<T> {
    return await this.#options.client.json<T>({ uri: this.uriOf(peer), path, timeoutMs }, body)
  }

  close(): void {
    this.#closed = true
    this.consensus.close()
  }

  async #decide(proposal: Proposal, timeoutMs: number): Promise<ProposeReply> {
    const late = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)))
    const tooLate = new Promise<never>((_, reject) => {
      late.addEventListener('abort', () => reject(new NotLeader('no majority in time')), { once: true })
    })
    const { index, refused } = await Promise.race([this.consensus.propose(proposal), tooLate])
    await this.until(() => this.consensus.settled(index), settleMs)
    return { index, refused: refused === null ? null : { status: refused.status, message: refused.message } }
  }

  async #join(bootstrap: string): Promise<void> {
    const { client, uri } = this.#options
    const deadline = performance.now() + joinMs
    const add: Change = { kind: 'add_peer', peer: this.self, uri, voter: false }
    const proposal: Proposal = { id: randomUUID(), change: add }
    for (;;) {
      try {
        await this.#greet(bootstrap)
        await client.json({ uri: bootstrap, path: 'propose', timeoutMs: agreementMs }, proposal)
        if (await this.until(() => Object.hasOwn(this.state.peers, this.self), 5000)) break
      } catch (error) {
        if (!(error instanceof QdrantError) || !error.transient) throw error
      }
      if (performance.now() > deadline)
        throw new Error(`could not join the cluster of ${bootstrap} within ${joinMs / 1000} s`)
      await sleep(heartbeatMs)
    }
    await this.propose({ kind: 'promote_peer', peer: this.self })
  }

  /** Tells the others where this peer now is, until they answer as a cluster. */
  async #return(): Promise<void> {
    const { bootstrap, uri } = this.#options
    while (!this.#closed && this.consensus.leader === null) {
      const known = Object.keys(this.state.peers).filter((peer) => peer !== this.self)
      const places = new Set(known.map((peer) => this.uriOf(peer)))
      if (bootstrap !== null) places.add(bootstrap)
      await Promise.all(
        [...places]
          .filter((place) => place !== uri)
          .map((place) => this.#greet(place).catch(() => undefined)),
      )
      await this.until(() => this.consensus.leader !== null, 500)
    }
    if (this.#closed || this.state.peers[this.self]?.uri === uri) return
    await this.propose({ kind: 'move_peer', peer: this.self, uri }).catch(() => undefined)
  }

  async #greet(place: string): Promise<void> {
    const greeting: Greeting = { peer: this.self, addresses: this.addresses.all() }
    const answer = await this.#options.client.json<Greeting>(
      { uri: place, path: 'hello', timeoutMs: 2000 },
      greeting,
    )
    this.addresses.learn(answer.addresses)
  }
}
