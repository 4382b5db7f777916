import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Consensus, electionMs } from '../../../../src/services/emulators/qdrant/cluster/consensus.ts'
import {
  openConsensusStore,
  type ConsensusMemory,
  type ConsensusStore,
  type Entry,
} from '../../../../src/services/emulators/qdrant/cluster/consensus-store.ts'
import { emptyState } from '../../../../src/services/emulators/qdrant/cluster/state.ts'
import { NotLeader } from '../../../../src/services/emulators/qdrant/cluster/waiting.ts'

/** A store that outlives its peer, as a disk does. */
class Disk implements ConsensusStore {
  memory: ConsensusMemory
  readonly votes = new Map<number, string>()
  /** What a peer did that it never may: thrown, it would only look like a lost message. */
  readonly faults: string[] = []

  constructor(peer: string) {
    this.memory = {
      peer,
      term: 0,
      votedFor: null,
      snapshot: { index: 0, term: 0, state: emptyState() },
      entries: [],
      commit: 0,
    }
  }
  load() {
    return structuredClone(this.memory)
  }
  vote(term: number, votedFor: string | null) {
    const before = this.votes.get(term)
    if (votedFor !== null) {
      if (before !== undefined && before !== votedFor) this.faults.push(`voted twice in term ${term}`)
      this.votes.set(term, votedFor)
    }
    if (term < this.memory.term) this.faults.push(`went back from term ${this.memory.term} to ${term}`)
    this.memory = { ...this.memory, term, votedFor }
  }
  append(entries: readonly Entry[]) {
    const first = entries[0]!.index
    if (first <= this.memory.commit) this.faults.push(`replaced entry ${first}, which was agreed on`)
    const kept = this.memory.entries.filter(({ index }) => index < first)
    this.memory = { ...this.memory, entries: structuredClone([...kept, ...entries]) }
  }
  commit(commit: number) {
    this.memory = { ...this.memory, commit }
  }
  install(snapshot: ConsensusMemory['snapshot']) {
    this.memory = { ...this.memory, snapshot: structuredClone(snapshot), entries: [], commit: snapshot.index }
  }
  close() {}
}

/** Peers on a network whose links can be cut. */
class Network {
  readonly disks: Disk[]
  readonly peers: (Consensus | null)[]
  readonly cut = new Set<string>()
  /** Every leader that was ever seen, by term. */
  readonly leaders = new Map<number, Set<string>>()

  constructor(count: number) {
    this.disks = Array.from({ length: count }, (_, at) => new Disk(String(100 + at)))
    this.peers = this.disks.map(() => null)
    for (const at of this.disks.keys()) this.start(at)
    this.peers[0]!.begin('http://100/')
  }

  start(at: number) {
    const self = this.disks[at]!.memory.peer
    this.peers[at] = new Consensus({
      store: this.disks[at]!,
      send: async (to, message) => {
        await new Promise((resolve) => setTimeout(resolve, 1))
        const target = this.peers[Number(to) - 100]
        const isCut = () => this.cut.has(`${self}-${to}`) || this.cut.has(`${to}-${self}`)
        if (target == null || isCut()) throw new Error('unreachable')
        const reply = target.receive(structuredClone(message))
        await new Promise((resolve) => setTimeout(resolve, 1))
        if (isCut()) throw new Error('unreachable')
        return structuredClone(reply)
      },
      onApplied: () => {},
      nowMs: () => Date.now(),
    })
  }

  kill(at: number) {
    // A dead process neither answers nor writes; its timer is all that there is to stop.
    const peer = this.peers[at]
    this.peers[at] = null
    const { memory } = this.disks[at]!
    peer?.close()
    this.disks[at]!.memory = memory
  }

  async run(ms: number) {
    for (let step = 0; step < ms; step += 50) {
      await vi.advanceTimersByTimeAsync(50)
      for (const peer of this.peers) {
        if (peer?.role !== 'Leader') continue
        const seen = this.leaders.get(peer.term) ?? new Set()
        this.leaders.set(peer.term, seen.add(peer.self))
      }
    }
  }

  get leader() {
    const led = this.peers.filter((peer) => peer?.role === 'Leader').toSorted((a, b) => b!.term - a!.term)
    return led[0] ?? null
  }

  async form() {
    for (const at of this.peers.keys()) {
      if (at === 0) continue
      const peer = String(100 + at)
      void this.leader!.propose({
        id: `add ${peer}`,
        change: { kind: 'add_peer', peer, uri: `http://${peer}/`, voter: false },
      })
      await this.run(500)
      void this.leader!.propose({ id: `promote ${peer}`, change: { kind: 'promote_peer', peer } })
      await this.run(500)
    }
  }

  /** Proposes an alias list of one name through whoever leads; resolves to whether it was agreed on. */
  propose(name: string): Promise<boolean> {
    const { leader } = this
    if (leader === null) return Promise.resolve(false)
    return leader.propose({ id: name, change: { kind: 'begin' } }).then(
      () => true,
      () => false,
    )
  }

  close() {
    for (const peer of this.peers) peer?.close()
  }
}

describe('peers that agree by majority', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('have the founder as leader in the first term, and keep it while it lives', async () => {
    const network = new Network(3)
    await network.form()
    await network.run(20_000)
    expect(network.leader!.self).toBe('100')
    expect(network.peers.map((peer) => peer!.term)).toEqual([1, 1, 1])
    expect(network.peers.map((peer) => peer!.isVoter)).toEqual([true, true, true])
    network.close()
  })

  it('choose the one that joined next when the leader dies, and do not go back', async () => {
    const network = new Network(3)
    await network.form()
    network.kill(0)
    await network.run(electionMs * 3)
    expect(network.leader!.self).toBe('101')
    network.start(0)
    await network.run(electionMs * 3)
    expect(network.leader!.self).toBe('101')
    expect(network.peers[0]!.leader).toBe('101')
    expect(network.peers[0]!.commit).toBe(network.leader!.commit)
    network.close()
  })

  it('agree on nothing without a majority, and the leader knows', async () => {
    const network = new Network(3)
    await network.form()
    network.kill(1)
    network.kill(2)
    const commit = network.leader!.commit
    const agreed = network.propose('alone')
    await network.run(electionMs * 2)
    expect(await agreed).toBe(false)
    expect(network.peers[0]!.commit).toBe(commit)
    expect(network.peers[0]!.role).toBe('Follower')
    await expect(network.peers[0]!.propose({ id: 'x', change: { kind: 'begin' } })).rejects.toThrow(NotLeader)
    network.close()
  })

  it('let nobody who was merely cut off disturb them', async () => {
    const network = new Network(3)
    await network.form()
    network.cut.add('100-102').add('101-102')
    await network.run(30_000)
    network.cut.clear()
    await network.run(5000)
    expect(network.peers.map((peer) => peer!.term)).toEqual([1, 1, 1])
    expect(network.leader!.self).toBe('100')
    network.close()
  })

  it('bring a peer up to date that has missed more than the log still holds', async () => {
    const network = new Network(3)
    await network.form()
    network.kill(2)
    const agreed = Array.from({ length: 20 }, (_, at) => network.propose(`missed ${at}`))
    await network.run(2000)
    expect((await Promise.all(agreed)).every(Boolean)).toBe(true)
    // What is agreed on becomes a snapshot when a peer starts anew.
    const { state, commit, term } = network.peers[0]!
    const snapshot = { index: commit, term, state: structuredClone(state) }
    network.kill(0)
    network.disks[0]!.memory = { ...network.disks[0]!.memory, snapshot, entries: [], commit }
    network.start(0)
    network.kill(1)
    network.start(2)
    await network.run(electionMs * 4)
    expect(network.leader!.self).toBe('100')
    expect(network.peers[2]!.state).toEqual(network.peers[0]!.state)
    network.close()
  })

  it('never have two leaders in a term, and never lose what was agreed on, whatever breaks', async () => {
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom('kill', 'start', 'cut', 'mend', 'propose', 'propose', 'propose'),
        a: fc.nat(2),
        b: fc.nat(2),
        waitMs: fc.integer({ min: 0, max: 3000 }),
      }),
      { minLength: 5, maxLength: 25 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const network = new Network(3)
        await network.form()
        const asked: { name: string; agreed: Promise<boolean> }[] = []
        for (const [at, { what, a, b, waitMs }] of all.entries()) {
          if (what === 'kill' && network.peers[a] !== null) network.kill(a)
          else if (what === 'start' && network.peers[a] === null) network.start(a)
          else if (what === 'cut' && a !== b) network.cut.add(`10${a}-10${b}`)
          else if (what === 'mend') network.cut.clear()
          else if (what === 'propose')
            asked.push({ name: `change ${at}`, agreed: network.propose(`change ${at}`) })
          await network.run(waitMs)
        }
        network.cut.clear()
        for (const at of network.peers.keys()) if (network.peers[at] === null) network.start(at)
        await network.run(electionMs * 8)
        // Everything heals: all agree, on all that was ever promised.
        const done = network.propose('last')
        await network.run(2000)
        expect(await done).toBe(true)
        await network.run(1000)
        const applied = network.peers.map((peer) => peer!.state.proposals.map(({ id }) => id))
        expect(applied[1]).toEqual(applied[0])
        expect(applied[2]).toEqual(applied[0])
        for (const { name, agreed } of asked) if (await agreed) expect(applied[0]).toContain(name)
        expect(network.disks.flatMap(({ faults }) => faults)).toEqual([])
        for (const [term, leaders] of network.leaders) expect(leaders.size, `leaders of term ${term}`).toBe(1)
        network.close()
      }),
      { numRuns: 40 },
    )
  }, 60_000)
})

describe('what a peer may not forget', () => {
  it('is there when it starts again, agreed entries as a snapshot', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ragscale-consensus-'))
    const same = (memory: ConsensusMemory) => memory
    const first = openConsensusStore(folder, same)
    const { peer } = first.load()
    expect(BigInt(peer)).toBeGreaterThan(2n ** 32n)
    const entry = (index: number, term: number): Entry => ({
      index,
      term,
      proposal: { id: `${index}/${term}`, change: { kind: 'begin' } },
    })
    first.vote(3, peer)
    first.append([entry(1, 1), entry(2, 1), entry(3, 1)])
    first.append([entry(3, 3)])
    first.commit(2)
    first.close()
    const second = openConsensusStore(folder, same)
    expect(second.load()).toMatchObject({
      peer,
      term: 3,
      votedFor: peer,
      commit: 2,
      entries: [entry(1, 1), entry(2, 1), entry(3, 3)],
    })
    second.close()
    rmSync(folder, { recursive: true })
  })
})
