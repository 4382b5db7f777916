import { join } from 'node:path'
import { RecordLog } from '../storage/record-log.ts'
import type { Proposal } from './change.ts'
import { newPeerId, type PeerId } from './peer.ts'
import { emptyState, type ClusterState } from './state.ts'

export interface Entry {
  readonly index: number
  readonly term: number
  readonly proposal: Proposal
}

/** The state after all entries up to `index`, in place of them. */
export interface Snapshot {
  readonly index: number
  readonly term: number
  readonly state: ClusterState
}

/** What a peer may not forget: written before it is acted upon. */
export interface ConsensusMemory {
  readonly peer: PeerId
  readonly term: number
  readonly votedFor: PeerId | null
  readonly snapshot: Snapshot
  /** Entries after the snapshot, without gaps. */
  readonly entries: readonly Entry[]
  /** The last entry known to be agreed on. */
  readonly commit: number
}

export interface ConsensusStore {
  load(): ConsensusMemory
  vote(term: number, votedFor: PeerId | null): void
  /** Replaces everything from the first entry's index on. */
  append(entries: readonly Entry[]): void
  commit(index: number): void
  install(snapshot: Snapshot): void
  close(): void
}

type Line =
  | { readonly peer: PeerId }
  | { readonly vote: { readonly term: number; readonly votedFor: PeerId | null } }
  | { readonly entries: readonly Entry[] }
  | { readonly commit: number }
  | { readonly snapshot: Snapshot }

/** Opens the store in a data folder; a new one gets an id. Entries that are agreed on become a snapshot here. */
export function openConsensusStore(
  folder: string,
  compact: (memory: ConsensusMemory) => ConsensusMemory,
): ConsensusStore {
  let peer: PeerId | null = null
  let vote: { term: number; votedFor: PeerId | null } = { term: 0, votedFor: null }
  let snapshot: Snapshot = { index: 0, term: 0, state: emptyState() }
  let entries: Entry[] = []
  let commit = 0
  const log = RecordLog.open(join(folder, 'consensus.log'), (record) => {
    const line = JSON.parse(record.toString()) as Line
    if ('peer' in line) peer = line.peer
    else if ('vote' in line) vote = line.vote
    else if ('commit' in line) commit = line.commit
    else if ('snapshot' in line) {
      snapshot = line.snapshot
      entries = []
      commit = snapshot.index
    } else {
      const first = line.entries[0]!.index
      entries = [...entries.filter((entry) => entry.index < first), ...line.entries]
    }
  })
  const write = (line: Line) => log.append(Buffer.from(JSON.stringify(line)))
  if (peer === null) {
    peer = newPeerId()
    write({ peer })
  }
  const memory = compact({ peer, ...vote, snapshot, entries, commit })
  log.rewrite(
    [
      { peer: memory.peer },
      { snapshot: memory.snapshot },
      { vote: { term: memory.term, votedFor: memory.votedFor } },
      ...(memory.entries.length === 0 ? [] : [{ entries: memory.entries }]),
    ].map((line) => Buffer.from(JSON.stringify(line))),
  )
  return {
    load: () => memory,
    vote: (term, votedFor) => write({ vote: { term, votedFor } }),
    append: (added) => write({ entries: added }),
    commit: (index) => write({ commit: index }),
    install: (installed) => write({ snapshot: installed }),
    close: () => log.close(),
  }
}
