/** Names one full block of a prompt together with all that precedes it. */
export type BlockHash = number | string

/**
 * The blocks of a KV cache, with the sharing of common prefixes: a full prompt block stays after its
 * sequences are gone, for the next that begins alike, until its room is needed (least recently used first).
 */
export class KvCache {
  readonly blocks: number
  #free: number
  readonly #references = new Map<BlockHash, number>()
  /** Cached blocks that nobody uses, least recently used first. */
  readonly #idle = new Set<BlockHash>()

  constructor(blocks: number) {
    this.blocks = blocks
    this.#free = blocks
  }

  /** Blocks that a sequence could take now. */
  get available(): number {
    return this.#free + this.#idle.size
  }

  /** How many blocks from the start of `prefix` are cached. */
  match(prefix: readonly BlockHash[]): number {
    let count = 0
    while (count < prefix.length && this.#references.has(prefix[count]!)) count++
    return count
  }

  /** How many of the first `count` blocks of `prefix` nobody uses: holding them takes from what is available. */
  idleAmong(prefix: readonly BlockHash[], count: number): number {
    let idle = 0
    for (let index = 0; index < count; index++) if (this.#idle.has(prefix[index]!)) idle++
    return idle
  }

  /** Holds the first `count` blocks of `prefix`, which are cached. */
  hold(prefix: readonly BlockHash[], count: number): void {
    for (let index = 0; index < count; index++) {
      const hash = prefix[index]!
      this.#references.set(hash, (this.#references.get(hash) ?? 0) + 1)
      this.#idle.delete(hash)
    }
  }

  /** Takes `count` blocks of one's own, evicting idle cached ones as needed; false, and nothing taken, when too few. */
  take(count: number): boolean {
    if (count > this.available) return false
    while (this.#free < count) {
      const [oldest] = this.#idle
      if (oldest === undefined) break
      this.#idle.delete(oldest)
      this.#references.delete(oldest)
      this.#free++
    }
    this.#free -= count
    return true
  }

  /** Turns a block of one's own into a cached one that one holds; false when another sequence has cached its like. */
  publish(hash: BlockHash): boolean {
    if (this.#references.has(hash)) return false
    this.#references.set(hash, 1)
    return true
  }

  /** Gives back `own` blocks of one's own and the hold on `held`. */
  release(own: number, held: readonly BlockHash[]): void {
    this.#free += own
    // The end of a prefix is the least likely to be asked again: it goes first.
    for (const hash of held.toReversed()) {
      const references = (this.#references.get(hash) ?? 1) - 1
      this.#references.set(hash, references)
      if (references === 0) this.#idle.add(hash)
    }
  }
}
