export interface TopKOptions {
  readonly largerIsNearer: boolean
  readonly count: number
  readonly limit: number
  /** Whether a point may be in the answer; only asked for those near enough to be. */
  readonly accept?: ((index: number) => boolean) | undefined
}

/**
 * The positions of the `limit` nearest, nearest first; of equal scores the earlier position. One pass with a
 * heap of `limit`, so that the acceptance test runs only when a point would enter the answer.
 */
export function topK(scores: Float32Array, options: TopKOptions): number[] {
  const { count, limit, accept } = options
  if (limit <= 0) return []
  const sign = options.largerIsNearer ? 1 : -1
  const heap = new Worst(Math.min(limit, count))
  for (let index = 0; index < count; index++) {
    const nearness = sign * scores[index]!
    if (heap.full ? nearness > heap.worst : nearness === nearness) {
      if (accept === undefined || accept(index)) heap.offer(nearness, index)
    }
  }
  return heap.drain()
}

/** A bounded heap with the least near at its root. */
class Worst {
  readonly #nearness: Float64Array
  readonly #index: Int32Array
  #size = 0

  constructor(capacity: number) {
    this.#nearness = new Float64Array(capacity)
    this.#index = new Int32Array(capacity)
  }

  get full(): boolean {
    return this.#size === this.#nearness.length
  }

  get worst(): number {
    return this.#nearness[0]!
  }

  /** When full, takes the worst one's place: the caller has compared. */
  offer(nearness: number, index: number): void {
    if (this.full) {
      this.#place(0, nearness, index)
      this.#sink(0)
      return
    }
    let at = this.#size++
    this.#place(at, nearness, index)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#worse(at, parent)) break
      this.#swap(at, parent)
      at = parent
    }
  }

  /** Empties the heap: nearest first. */
  drain(): number[] {
    const sorted = Array<number>(this.#size)
    while (this.#size > 0) {
      const last = --this.#size
      sorted[last] = this.#index[0]!
      this.#place(0, this.#nearness[last]!, this.#index[last]!)
      this.#sink(0)
    }
    return sorted
  }

  #sink(from: number): void {
    let at = from
    for (;;) {
      const left = 2 * at + 1
      if (left >= this.#size) return
      const right = left + 1
      const child = right < this.#size && this.#worse(right, left) ? right : left
      if (!this.#worse(child, at)) return
      this.#swap(child, at)
      at = child
    }
  }

  #worse(a: number, b: number): boolean {
    const difference = this.#nearness[a]! - this.#nearness[b]!
    return difference < 0 || (difference === 0 && this.#index[a]! > this.#index[b]!)
  }

  #place(at: number, nearness: number, index: number): void {
    this.#nearness[at] = nearness
    this.#index[at] = index
  }

  #swap(a: number, b: number): void {
    const nearness = this.#nearness[a]!
    const index = this.#index[a]!
    this.#place(a, this.#nearness[b]!, this.#index[b]!)
    this.#place(b, nearness, index)
  }
}
