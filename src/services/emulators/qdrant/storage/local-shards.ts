import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { CollectionState, ClusterState } from '../cluster/state.ts'
import type { PeerId } from '../cluster/peer.ts'
import { QdrantError } from '../errors.ts'
import { Shard, shardNotHere } from './shard.ts'

/** How long a replica that moved away still answers peers that have not heard of it. */
const farewellMs = 2000

export interface LocalShardsOptions {
  readonly folder: string
  readonly self: PeerId
  /** Points that a shard of so many dimensions may hold here: Infinity for no limit. */
  readonly limit: (dimensions: number) => number
}

interface Held {
  readonly shard: Shard
  leaving: NodeJS.Timeout | null
}

/** The replicas on this node, opened and dropped as the cluster's state says. */
export class LocalShards {
  readonly #options: LocalShardsOptions
  readonly #held = new Map<string, Held>()

  constructor(options: LocalShardsOptions) {
    this.#options = options
  }

  /** Throws Qdrant's error for a replica that is not on this node. */
  get(collection: CollectionState, shard: number): Shard {
    const held = this.#held.get(key(collection.uuid, shard))
    if (held === undefined) throw shardNotHere(shard)
    return held.shard
  }

  find(collection: CollectionState, shard: number): Shard | undefined {
    return this.#held.get(key(collection.uuid, shard))?.shard
  }

  /** Opens what is to be here and is not, and lets go of what is here and is not to be. */
  follow(state: ClusterState): void {
    const { self } = this.#options
    const wanted = new Set<string>()
    const uuids = new Set<string>()
    for (const collection of Object.values(state.collections)) {
      uuids.add(collection.uuid)
      for (const [shard, { replicas }] of Object.entries(collection.shards)) {
        if (!Object.hasOwn(replicas, self)) continue
        const name = key(collection.uuid, Number(shard))
        wanted.add(name)
        const held = this.#held.get(name)
        if (held === undefined) this.#take(collection, name)
        else if (held.leaving !== null) {
          clearTimeout(held.leaving)
          held.leaving = null
        }
      }
    }
    for (const [name, held] of this.#held) {
      if (wanted.has(name)) continue
      const collectionLives = uuids.has(name.slice(0, name.indexOf('/')))
      if (!collectionLives) this.#drop(name)
      else held.leaving ??= setTimeout(() => this.#drop(name), farewellMs)
    }
  }

  /** Deletes what a killed process left of replicas that are no longer here. */
  sweep(): void {
    const { folder } = this.#options
    for (const uuid of existsSync(folder) ? readdirSync(folder) : []) {
      for (const file of readdirSync(join(folder, uuid))) {
        if (!this.#held.has(`${uuid}/${file.replace(/\.log$/, '')}`)) rmSync(join(folder, uuid, file))
      }
      if (readdirSync(join(folder, uuid)).length === 0) rmSync(join(folder, uuid), { recursive: true })
    }
  }

  close(): void {
    for (const held of this.#held.values()) {
      if (held.leaving !== null) clearTimeout(held.leaving)
      held.shard.close()
    }
    this.#held.clear()
  }

  /** A replica whose file cannot be had stays away, and is asked for in vain: the node itself goes on. */
  #take(collection: CollectionState, name: string): void {
    try {
      this.#held.set(name, { shard: this.#open(collection, name), leaving: null })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      process.stderr.write(`could not open replica ${name} of collection ${collection.name}: ${reason}\n`)
    }
  }

  #open(collection: CollectionState, name: string): Shard {
    const { size: dimensions, distance } = collection.config.params.vectors
    const limit = this.#options.limit(dimensions)
    const shard: Shard = new Shard({
      dimensions,
      distance,
      file: join(this.#options.folder, `${name}.log`),
      room: (adding) => {
        if (shard.points.count + adding > limit) throw full(limit, dimensions)
      },
    })
    return shard
  }

  #drop(name: string): void {
    this.#held.get(name)?.shard.close()
    this.#held.delete(name)
    rmSync(join(this.#options.folder, `${name}.log`), { force: true })
  }
}

const key = (uuid: string, shard: number): string => `${uuid}/${shard}`

/** Every replica of a shard is as large as the others: all of them refuse, or none. */
function full(limit: number, dimensions: number): QdrantError {
  return new QdrantError(
    507,
    `Insufficient storage: this emulated node searches its vectors for real, and more than ${limit} points of ${dimensions} dimensions in one shard cannot be searched within the modelled time. Use more shards, fewer points, or a slower timing model`,
  )
}
