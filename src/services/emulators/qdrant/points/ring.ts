import { hashText } from '../../hash.ts'
import type { CollectionState, ShardKey } from '../cluster/state.ts'
import { wrongInput } from '../errors.ts'
import type { PointId } from '../wire/point-id.ts'

/** Places of each shard on the ring: the more, the more evenly points are spread. */
const placesPerShard = 200

/** A hash ring: a point belongs to the shard whose place follows the point's own. */
export class HashRing {
  readonly #places: Uint32Array
  readonly #shards: Int32Array

  constructor(shards: readonly number[]) {
    const places = shards.flatMap((shard) =>
      Array.from({ length: placesPerShard }, (_, at) => ({ shard, place: hashText(`${shard}/${at}`, 1) })),
    )
    places.sort((a, b) => a.place - b.place || a.shard - b.shard)
    this.#places = Uint32Array.from(places, ({ place }) => place)
    this.#shards = Int32Array.from(places, ({ shard }) => shard)
  }

  shardOf(id: PointId): number {
    const place = hashText(String(id), 2)
    let low = 0
    let high = this.#places.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#places[middle]! < place) low = middle + 1
      else high = middle
    }
    return this.#shards[low === this.#shards.length ? 0 : low]!
  }
}

const rings = new Map<string, HashRing>()

function ringOver(shards: readonly number[]): HashRing {
  const name = shards.join(',')
  let ring = rings.get(name)
  if (ring === undefined) {
    ring = new HashRing(shards)
    rings.set(name, ring)
  }
  return ring
}

/** The shards that a request concerns: those of its keys, or all. */
export function shardsFor(collection: CollectionState, keys: readonly ShardKey[] | null): number[] {
  const all = Object.keys(collection.shards).map(Number)
  if (keys === null) return all
  for (const key of keys) {
    if (!all.some((shard) => collection.shards[shard]!.key === key))
      throw wrongInput(`Shard key ${key} not found`)
  }
  return all.filter((shard) => keys.includes(collection.shards[shard]!.key!))
}

/** Points by the shard that they belong to. With custom sharding the request must say which key's shards. */
export function byShard<T>(
  collection: CollectionState,
  keys: readonly ShardKey[] | null,
  items: readonly T[],
  idOf: (item: T) => PointId,
): Map<number, T[]> {
  if (keys === null && collection.config.params.sharding_method === 'custom')
    throw wrongInput('Shard key not specified')
  const ring = ringOver(shardsFor(collection, keys))
  const groups = new Map<number, T[]>()
  for (const item of items) {
    const shard = ring.shardOf(idOf(item))
    const group = groups.get(shard)
    if (group === undefined) groups.set(shard, [item])
    else group.push(item)
  }
  return groups
}
