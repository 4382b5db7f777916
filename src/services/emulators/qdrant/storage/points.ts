import { comparePointIds, type PointId } from '../wire/point-id.ts'
import type { Payload } from '../wire/json.ts'
import type { Distance } from '../search/distance.ts'
import type { StoredPoint } from './operation.ts'
import { VectorStore } from './vectors.ts'

/** The points of one shard in memory: parallel columns, without holes. */
export class Points {
  readonly vectors: VectorStore
  readonly #indexOf = new Map<PointId, number>()
  readonly #ids: PointId[] = []
  readonly #versions: number[] = []
  readonly #payloads: (Payload | null)[] = []
  /** Ids in Qdrant's order, made when first asked for after a change of them. */
  #sorted: PointId[] | undefined

  constructor(dimensions: number, distance: Distance) {
    this.vectors = new VectorStore(dimensions, distance)
  }

  get count(): number {
    return this.#ids.length
  }

  indexOf(id: PointId): number | undefined {
    return this.#indexOf.get(id)
  }

  idAt(index: number): PointId {
    return this.#ids[index]!
  }

  versionAt(index: number): number {
    return this.#versions[index]!
  }

  payloadAt(index: number): Payload | null {
    return this.#payloads[index]!
  }

  at(index: number): StoredPoint {
    return {
      id: this.idAt(index),
      version: this.versionAt(index),
      payload: this.payloadAt(index),
      vector: this.vectors.get(index),
    }
  }

  put(point: StoredPoint): void {
    const index = this.#indexOf.get(point.id)
    if (index !== undefined) {
      this.vectors.set(index, point.vector)
      this.#payloads[index] = point.payload
      this.#versions[index] = point.version
      return
    }
    this.vectors.push(point.vector)
    this.#indexOf.set(point.id, this.#ids.length)
    this.#ids.push(point.id)
    this.#payloads.push(point.payload)
    this.#versions.push(point.version)
    // Loading in ascending order, the usual case, keeps the order known.
    const last = this.#sorted?.at(-1)
    if (last !== undefined && comparePointIds(last, point.id) < 0) this.#sorted!.push(point.id)
    else this.#sorted = undefined
  }

  setPayload(index: number, payload: Payload | null, version: number): void {
    this.#payloads[index] = payload
    this.#versions[index] = version
  }

  setVector(index: number, vector: Float32Array, version: number): void {
    this.vectors.set(index, vector)
    this.#versions[index] = version
  }

  remove(id: PointId): boolean {
    const index = this.#indexOf.get(id)
    if (index === undefined) return false
    this.vectors.remove(index)
    this.#indexOf.delete(id)
    const lastId = this.#ids.pop()!
    const lastPayload = this.#payloads.pop()!
    const lastVersion = this.#versions.pop()!
    if (lastId !== id) {
      this.#ids[index] = lastId
      this.#payloads[index] = lastPayload
      this.#versions[index] = lastVersion
      this.#indexOf.set(lastId, index)
    }
    this.#sorted = undefined
    return true
  }

  clear(): void {
    this.vectors.clear()
    this.#indexOf.clear()
    this.#ids.length = 0
    this.#payloads.length = 0
    this.#versions.length = 0
    this.#sorted = undefined
  }

  /** All ids, smallest first. The array is not to be kept: it grows with the shard. */
  sortedIds(): readonly PointId[] {
    this.#sorted ??= [...this.#ids].sort(comparePointIds)
    return this.#sorted
  }
}
