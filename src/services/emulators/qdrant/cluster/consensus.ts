import { applyProposal } from './apply.ts'
import type { Change, Proposal } from './change.ts'
import type { ConsensusStore } from './consensus-store.ts'
import { EntryLog } from './entry-log.ts'
import { Followers } from './followers.ts'
import type { Message, Reply } from './messages.ts'
import { poll } from './poll.ts'
import type { PeerId } from './peer.ts'
import { votersOf, type ClusterState } from './state.ts'
import { NotLeader, Waiting, type Outcome } from './waiting.ts'

/** How often a leader speaks to each follower at least. */
export const heartbeatMs = 300
/** Silence of a leader after which the first voter stands; each later one waits a `patienceMs` longer. */
export const electionMs = 1500
export const patienceMs = 700
const entriesPerMessage = 64

export type Role = 'Leader' | 'Follower' | 'Candidate'

export interface ConsensusOptions {
  readonly store: ConsensusStore
  /** Rejects when the peer cannot be reached. */
  readonly send: (to: PeerId, message: Message) => Promise<Reply>
  /** Called after entries were applied. */
  readonly onApplied: () => void
  readonly nowMs?: () => number
}

/**
 * Agreement on one ordered log by majority, after Ongaro and Ousterhout, "In Search of an Understandable
 * Consensus Algorithm" (2014): terms, votes and log matching as there, with its trial votes and its leader's
 * check of its own majority. Voters wait the longer the later they joined, so the lowest live peer leads.
 */
export class Consensus {
  readonly self: PeerId
  readonly state: ClusterState
  readonly #store: ConsensusStore
  readonly #log: EntryLog
  readonly #send: ConsensusOptions['send']
  readonly #onApplied: () => void
  readonly #now: () => number
  readonly #waiting = new Waiting()
  readonly #timer: NodeJS.Timeout
  #term: number
  #votedFor: PeerId | null
  #commit: number
  #applied: number
  #role: Role = 'Follower'
  #leader: PeerId | null = null
  #heardMs: number
  #standing = false
  /** While this peer leads. */
  #followers: Followers | null = null

  constructor(options: ConsensusOptions) {
    const memory = options.store.load()
    this.self = memory.peer
    this.state = structuredClone(memory.snapshot.state)
    this.#store = options.store
    this.#log = new EntryLog(options.store, memory)
    this.#send = options.send
    this.#onApplied = options.onApplied
    this.#now = options.nowMs ?? (() => performance.now())
    this.#term = memory.term
    this.#votedFor = memory.votedFor
    this.#commit = Math.max(memory.commit, memory.snapshot.index)
    this.#applied = memory.snapshot.index
    this.#apply()
    this.#heardMs = this.#now()
    this.#timer = setInterval(() => this.#watch(async () => await this.#tick()), heartbeatMs)
  }

  get term(): number {
    return this.#term
  }
  get commit(): number {
    return this.#commit
  }
  get applied(): number {
    return this.#applied
  }
  get role(): Role {
    return this.#role
  }
  get leader(): PeerId | null {
    return this.#leader
  }
  /** Whether an entry is known here and of the present term: then the leader knew all that was agreed on. */
  isOfThisTerm(index: number): boolean {
    return this.#log.termAt(index) === this.#term
  }

  get pending(): number {
    return this.#log.last.index - this.#commit
  }
  get isVoter(): boolean {
    return this.state.peers[this.self]?.voter ?? false
  }

  close(): void {
    clearInterval(this.#timer)
    this.#stepDown(this.#term, null)
    this.#store.close()
  }

  /** Makes this peer the first of a new cluster. */
  begin(uri: string): void {
    this.#enter(1, this.self)
    this.#log.add([this.#entry(0, { kind: 'add_peer', peer: this.self, uri, voter: true })])
    this.#commitTo(this.#log.last.index)
    this.#lead()
  }

  /** Adds a proposal to the log; resolves when it is agreed on. Rejects with `NotLeader`. */
  propose(proposal: Proposal): Promise<Outcome> {
    if (this.#role !== 'Leader') return Promise.reject(new NotLeader('this peer does not lead'))
    const index = this.#log.last.index + 1
    try {
      this.#log.add([{ index, term: this.#term, proposal }])
    } catch (error) {
      return Promise.reject(error)
    }
    const outcome = this.#waiting.for(index, this.#term)
    this.#spread()
    return outcome
  }

  /** Whether every follower heard of lately has applied an entry: the leader's own knowledge. */
  settled(index: number): boolean {
    return this.#followers?.settled(index, electionMs) ?? true
  }

  /** Whether a peer has answered this leader within so many milliseconds; false where this peer does not lead. */
  heardWithin(peer: PeerId, ms: number): boolean {
    return this.#followers !== null && (peer === this.self || this.#followers.heardWithin(peer, ms))
  }

  /** Whether a follower holds all that is agreed on; false where this peer does not lead. */
  caughtUp(peer: PeerId): boolean {
    return this.#followers !== null && this.#followers.match(peer) >= this.#commit
  }

  receive(message: Message): Reply {
    if (message.kind === 'vote') return this.#considerVote(message)
    if (message.term < this.#term) return this.#reply(false)
    if (message.term > this.#term || this.#role !== 'Follower') this.#stepDown(message.term, message.leader)
    this.#leader = message.leader
    this.#heardMs = this.#now()
    if (message.kind === 'install') {
      if (message.snapshot.index <= this.#commit) return this.#reply(true, this.#commit)
      this.#log.install(message.snapshot)
      this.#replaceState(message.snapshot.state)
      this.#commit = message.snapshot.index
      this.#applied = message.snapshot.index
      this.#onApplied()
      return this.#reply(true, message.snapshot.index)
    }
    const { previous, entries } = message
    // What the snapshot covers is agreed on: it need not be compared.
    if (previous.index > this.#log.baseIndex && this.#log.termAt(previous.index) !== previous.term) {
      return this.#reply(false, Math.min(this.#log.last.index, previous.index - 1))
    }
    this.#log.add(entries)
    const known = Math.max(this.#log.baseIndex, previous.index + entries.length)
    if (message.commit > this.#commit) this.#commitTo(Math.min(message.commit, known))
    return this.#reply(true, known)
  }

  #considerVote(message: Extract<Message, { kind: 'vote' }>): Reply {
    const { last } = this.#log
    const upToDate =
      message.last.term > last.term || (message.last.term === last.term && message.last.index >= last.index)
    // Who hears its leader lets nobody disturb it.
    const led = this.#role === 'Leader' || (this.#leader !== null && this.#now() - this.#heardMs < electionMs)
    if (message.term < this.#term || led || !upToDate) return this.#reply(false)
    if (message.trial) return this.#reply(true)
    if (message.term > this.#term) this.#stepDown(message.term, null)
    if (this.#votedFor !== null && this.#votedFor !== message.candidate) return this.#reply(false)
    this.#enter(this.#term, message.candidate)
    this.#heardMs = this.#now()
    return this.#reply(true)
  }

  /** What a full disk keeps from being written down is not done, and is tried again with the next tick. */
  #watch(step: () => Promise<void>): void {
    step().catch((error: unknown) => {
      process.stderr.write(`consensus: ${error instanceof Error ? error.message : String(error)}\n`)
    })
  }

  async #tick(): Promise<void> {
    const now = this.#now()
    if (this.#role === 'Leader') {
      const voters = votersOf(this.state)
      const heard = voters.filter((peer) => this.heardWithin(peer, electionMs))
      // Without a majority, or no longer a member, it has no say.
      if (heard.length * 2 <= voters.length || !this.isVoter) this.#stepDown(this.#term, null)
      else this.#spread()
      return
    }
    const rank = votersOf(this.state).indexOf(this.self)
    if (rank === -1 || this.#standing) return
    if (now - this.#heardMs < electionMs + rank * patienceMs && votersOf(this.state).length > 1) return
    this.#standing = true
    try {
      await this.#stand()
    } finally {
      this.#standing = false
    }
  }

  async #stand(): Promise<void> {
    this.#leader = null
    if (!(await this.#poll(this.#term + 1, true))) return void (this.#heardMs = this.#now())
    this.#enter(this.#term + 1, this.self)
    this.#role = 'Candidate'
    const term = this.#term
    const won = await this.#poll(term, false)
    if (this.#term !== term || this.#role !== 'Candidate') return
    if (won) this.#lead()
    else {
      this.#role = 'Follower'
      this.#heardMs = this.#now()
    }
  }

  async #poll(term: number, trial: boolean): Promise<boolean> {
    const { index, term: lastTerm } = this.#log.last
    const vote = { kind: 'vote', term, candidate: this.self, last: { index, term: lastTerm }, trial } as const
    const { won, latestTerm } = await poll(votersOf(this.state), vote, this.#send)
    if (latestTerm > this.#term && !trial) this.#stepDown(latestTerm, null)
    return won
  }

  #lead(): void {
    this.#role = 'Leader'
    this.#leader = this.self
    this.#followers = new Followers({
      send: this.#send,
      messageFrom: (next) => this.#messageFrom(next),
      onReply: (reply) => this.#onReply(reply),
      lastIndex: () => this.#log.last.index,
      commit: () => this.#commit,
      nowMs: this.#now,
      watch: (step) => this.#watch(step),
    })
    this.#log.add([this.#entry(this.#log.last.index, { kind: 'begin' })])
    this.#spread()
  }

  /** Speaks to every follower; alone, agrees with itself. */
  #spread(): void {
    this.#followers?.spread(Object.keys(this.state.peers).filter((peer) => peer !== this.self))
    this.#count()
  }

  #onReply(reply: Reply): boolean {
    if (reply.term > this.#term) {
      this.#stepDown(reply.term, null)
      return false
    }
    this.#count()
    return this.#role === 'Leader'
  }

  #messageFrom(next: number): Message {
    const previousTerm = this.#log.termAt(next - 1)
    const who = { term: this.#term, leader: this.self }
    if (previousTerm === undefined) {
      const snapshot = {
        index: this.#applied,
        term: this.#log.termAt(this.#applied)!,
        state: structuredClone(this.state),
      }
      return { kind: 'install', ...who, snapshot }
    }
    const previous = { index: next - 1, term: previousTerm }
    return {
      kind: 'append',
      ...who,
      previous,
      entries: this.#log.from(next, entriesPerMessage),
      commit: this.#commit,
    }
  }

  /** Commits what most voters hold, if it is of this leader's own term. */
  #count(): void {
    const voters = votersOf(this.state)
    const held = voters
      .map((peer) => (peer === this.self ? this.#log.last.index : (this.#followers?.match(peer) ?? 0)))
      .sort((a, b) => b - a)
    const agreed = held[Math.floor(voters.length / 2)] ?? 0
    if (agreed <= this.#commit || this.#log.termAt(agreed) !== this.#term) return
    this.#commitTo(agreed)
    if (this.#role === 'Leader') this.#spread()
  }

  #commitTo(index: number): void {
    this.#commit = index
    this.#store.commit(index)
    this.#apply()
    this.#onApplied()
  }

  #apply(): void {
    while (this.#applied < this.#commit) {
      const entry = this.#log.at(++this.#applied)!
      const refused = applyProposal(this.state, entry.proposal)
      this.#waiting.end(entry, refused)
    }
  }

  #stepDown(term: number, leader: PeerId | null): void {
    if (term > this.#term) this.#enter(term, null)
    this.#role = 'Follower'
    this.#followers?.close()
    this.#followers = null
    this.#leader = leader
    this.#heardMs = this.#now()
    this.#waiting.giveUp()
  }

  #enter(term: number, votedFor: PeerId | null): void {
    if (term === this.#term && votedFor === this.#votedFor) return
    this.#store.vote(term, votedFor)
    this.#term = term
    this.#votedFor = votedFor
  }

  /** Every holder of the state keeps its object. */
  #replaceState(next: ClusterState): void {
    Object.assign(this.state, structuredClone(next))
  }

  #entry(after: number, change: Change): { index: number; term: number; proposal: Proposal } {
    return {
      index: after + 1,
      term: this.#term,
      proposal: { id: `${this.self}/${this.#term}/${after + 1}`, change },
    }
  }

  #reply(ok: boolean, match = this.#log.last.index): Reply {
    return { term: this.#term, ok, match, applied: this.#applied }
  }
}
