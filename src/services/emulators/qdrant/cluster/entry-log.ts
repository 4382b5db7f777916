import type { ConsensusMemory, ConsensusStore, Entry, Snapshot } from './consensus-store.ts'

/** The entries after the last snapshot, kept as they change. */
export class EntryLog {
  readonly #store: ConsensusStore
  #base: { readonly index: number; readonly term: number }
  #entries: Entry[]

  constructor(store: ConsensusStore, memory: ConsensusMemory) {
    this.#store = store
    this.#base = memory.snapshot
    this.#entries = [...memory.entries]
  }

  /** The last index that is only in the snapshot. */
  get baseIndex(): number {
    return this.#base.index
  }

  get last(): { readonly index: number; readonly term: number } {
    return this.#entries.at(-1) ?? this.#base
  }

  at(index: number): Entry | undefined {
    return this.#entries[index - this.#base.index - 1]
  }

  /** The term of an entry, or of the snapshot's last; undefined for what is not here. */
  termAt(index: number): number | undefined {
    return index === this.#base.index ? this.#base.term : this.at(index)?.term
  }

  from(index: number, atMost: number): Entry[] {
    const start = index - this.#base.index - 1
    return this.#entries.slice(start, start + atMost)
  }

  /** Adds entries; from the first that contradicts what is here, they replace it. */
  add(entries: readonly Entry[]): void {
    const fresh = entries.findIndex(
      (entry) => entry.index > this.#base.index && this.termAt(entry.index) !== entry.term,
    )
    if (fresh === -1) return
    const added = entries.slice(fresh)
    this.#store.append(added)
    this.#entries.length = added[0]!.index - this.#base.index - 1
    this.#entries.push(...added)
  }

  install(snapshot: Snapshot): void {
    this.#store.install(snapshot)
    this.#base = { index: snapshot.index, term: snapshot.term }
    this.#entries = []
  }
}
