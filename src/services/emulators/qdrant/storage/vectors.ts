import { serviceError } from '../errors.ts'
import { metrics, type Distance, type Metric } from '../search/distance.ts'
import {
  kernelsOf,
  newMemory,
  pageBytes,
  strideUnit,
  type Kernel,
  type KernelMemory,
} from '../search/kernels.ts'

const smallestCapacity = 64

/**
 * The vectors of a shard, end to end in one growing memory that the SIMD kernels work on:
 * the query, then the vectors, then the scores of the last search.
 */
export class VectorStore {
  readonly dimensions: number
  readonly metric: Metric
  readonly #memory: KernelMemory
  readonly #kernel: Kernel
  readonly #strideBytes: number
  readonly #stride: number
  #floats: Float32Array
  #capacity = 0
  #count = 0

  constructor(dimensions: number, distance: Distance) {
    this.dimensions = dimensions
    this.metric = metrics[distance]
    this.#strideBytes = Math.ceil((dimensions * 4) / strideUnit) * strideUnit
    this.#stride = this.#strideBytes / 4
    this.#memory = newMemory()
    this.#floats = new Float32Array(this.#memory.buffer)
    this.#kernel = kernelsOf(this.#memory)[this.metric.kernel]
  }

  get count(): number {
    return this.#count
  }

  push(vector: Float32Array): void {
    if (this.#count === this.#capacity) this.#grow()
    this.set(this.#count++, vector)
  }

  set(index: number, vector: Float32Array): void {
    this.#floats.set(vector, this.#offset(index))
  }

  /** A copy: the memory moves when it grows. */
  get(index: number): Float32Array {
    const offset = this.#offset(index)
    return this.#floats.slice(offset, offset + this.dimensions)
  }

  /** Takes a vector out; the last one takes its place. */
  remove(index: number): void {
    const last = --this.#count
    if (index === last) return
    const offset = this.#offset(last)
    this.#floats.copyWithin(this.#offset(index), offset, offset + this.#stride)
  }

  clear(): void {
    this.#count = 0
  }

  /** What the metric's kernel adds up for every vector, in order; valid until the next call of anything here. */
  scores(query: Float32Array): Float32Array {
    if (this.#count === 0) return this.#floats.subarray(0, 0)
    this.#floats.set(query, 0)
    const scores = this.#strideBytes * (1 + this.#capacity)
    this.#kernel(this.#strideBytes, 0, this.#count, this.#strideBytes, scores)
    return this.#floats.subarray(scores / 4, scores / 4 + this.#count)
  }

  #offset(index: number): number {
    return this.#stride * (1 + index)
  }

  #grow(): void {
    const capacity = Math.max(smallestCapacity, this.#capacity * 2)
    const bytes = this.#strideBytes * (1 + capacity) + 4 * capacity
    const pages = Math.ceil(bytes / pageBytes) - this.#memory.buffer.byteLength / pageBytes
    try {
      if (pages > 0) this.#memory.grow(pages)
    } catch {
      throw serviceError(`Out of memory, free: 0, ${bytes} bytes are needed for ${capacity} vectors`)
    }
    this.#floats = new Float32Array(this.#memory.buffer)
    this.#capacity = capacity
  }
}
