/** Which shard copies have to move so that the nodes that stay hold everything, evenly. Pure. */

/** One copy of a shard, on a node by its name. */
export interface ShardCopy {
  readonly collection: string
  readonly shard: number
  readonly node: string
  /** Whether it is whole and up to date (`Active`): only such a copy can be copied from. */
  readonly active: boolean
}

/** A copy of a shard on its way to another node, whoever asked for it. */
export interface Arrival {
  readonly collection: string
  readonly shard: number
  readonly from: string
  readonly to: string
  /** Whether the copy stays where it was, too. */
  readonly stays: boolean
}

/** As the copies will be when all that is on its way has arrived: from there it is planned. */
export function whenArrived(
  copies: readonly ShardCopy[],
  arrivals: readonly Arrival[],
): readonly ShardCopy[] {
  return arrivals.reduce((now, { collection, shard, from, to, stays }) => {
    const its = (copy: ShardCopy): boolean => copy.collection === collection && copy.shard === shard
    const others = now.filter((copy) => !its(copy) || (copy.node !== to && (stays || copy.node !== from)))
    return [...others, { collection, shard, node: to, active: true }]
  }, copies)
}

export interface Move {
  /** `move` and `replicate` copy from `from` to `to`; `drop` removes the copy on `from`. */
  readonly kind: 'move' | 'replicate' | 'drop'
  readonly collection: string
  readonly shard: number
  readonly from: string
  readonly to: string | null
  readonly because: string
}

export interface Placement {
  readonly moves: readonly Move[]
  /** Shards whose only good copy would be lost, in words: then nothing may be taken away. */
  readonly losses: readonly string[]
}

export interface PlacementGoal {
  /** Nodes that shall hold all of it, new ones included. */
  readonly nodes: readonly string[]
  /** Copies of each shard by collection; of a collection that is not named, as many as there are. */
  readonly replication: Readonly<Record<string, number>>
}

/**
 * First nothing stays on a node that leaves, then every shard has its copies, then the copies of each
 * collection are spread so that no node holds two more than another.
 */
export function place(copies: readonly ShardCopy[], goal: PlacementGoal): Placement {
  const moves: Move[] = []
  const losses: string[] = []
  for (const [collection, its] of Map.groupBy(copies, (copy) => copy.collection)) {
    const holders = new Holders(its, goal.nodes)
    const add = (kind: Move['kind'], shard: number, from: string, to: string | null, because: string) => {
      holders.apply(kind, shard, from, to)
      moves.push({ kind, collection, shard, from, to, because })
    }
    for (const shard of holders.shards) {
      const asked = goal.replication[collection]
      const wanted = Math.min(asked ?? holders.of(shard).length, goal.nodes.length)
      const cause = asked === undefined ? 'a copy was lost' : `replication ${asked} is asked for`
      if (!settle(shard, wanted, cause, holders, add)) losses.push(`shard ${shard} of ${collection}`)
    }
    spread(holders, add)
  }
  return { moves, losses }
}

type Add = (kind: Move['kind'], shard: number, from: string, to: string | null, because: string) => void

/** False when no good copy of the shard would be left. */
function settle(shard: number, wanted: number, cause: string, holders: Holders, add: Add): boolean {
  if (!holders.of(shard).some((node) => holders.isActive(shard, node)))
    return holders.leaving(shard).length === 0
  for (const node of holders.leaving(shard)) {
    const because = `${node} leaves`
    const free = holders.leastLoadedWithout(shard)
    const stays = holders.staying(shard)
    // What is not whole does not make up for the last copy that is.
    const isLast = holders.isActive(shard, node) && !stays.some((one) => holders.isActive(shard, one))
    if (isLast && free === undefined) return false
    if (free === undefined || (!isLast && stays.length >= wanted)) add('drop', shard, node, null, because)
    else if (holders.isActive(shard, node)) add('move', shard, node, free, because)
    else {
      add('replicate', shard, holders.source(shard), free, because)
      add('drop', shard, node, null, because)
    }
  }
  while (holders.staying(shard).length < wanted) {
    const free = holders.leastLoadedWithout(shard)
    if (free === undefined) break
    add('replicate', shard, holders.source(shard), free, cause)
  }
  while (holders.staying(shard).length > wanted) {
    add('drop', shard, holders.mostLoadedWith(shard), null, cause)
  }
  return true
}

function spread(holders: Holders, add: Add): void {
  for (;;) {
    const [least, most] = [holders.leastLoaded(), holders.mostLoaded()]
    if (least === undefined || most === undefined || holders.load(most) - holders.load(least) < 2) return
    const shard = holders.shards.find(
      (one) => holders.isActive(one, most) && !holders.of(one).includes(least),
    )
    if (shard === undefined) return
    add(
      'move',
      shard,
      most,
      least,
      `${most} holds ${holders.load(most)} shards, ${least} ${holders.load(least)}`,
    )
  }
}

/** Who holds what of one collection, as the moves so far leave it. */
class Holders {
  readonly shards: readonly number[]
  readonly #nodes: readonly string[]
  readonly #copies: Map<number, Map<string, boolean>>

  constructor(copies: readonly ShardCopy[], nodes: readonly string[]) {
    const byShard = Map.groupBy(copies, (copy) => copy.shard)
    this.#nodes = nodes
    this.#copies = new Map(
      [...byShard].map(([shard, its]) => [shard, new Map(its.map(({ node, active }) => [node, active]))]),
    )
    this.shards = [...byShard.keys()].sort((a, b) => a - b)
  }

  of(shard: number): string[] {
    return [...(this.#copies.get(shard)?.keys() ?? [])]
  }

  isActive(shard: number, node: string): boolean {
    return this.#copies.get(shard)?.get(node) === true
  }

  staying(shard: number): string[] {
    return this.of(shard).filter((node) => this.#nodes.includes(node))
  }

  leaving(shard: number): string[] {
    return this.of(shard).filter((node) => !this.#nodes.includes(node))
  }

  /** A good copy to copy from, on a node that stays where there is one. */
  source(shard: number): string {
    const active = (node: string) => this.isActive(shard, node)
    return this.staying(shard).find(active) ?? this.of(shard).find(active) ?? ''
  }

  load(node: string): number {
    return [...this.#copies.values()].filter((nodes) => nodes.has(node)).length
  }

  leastLoaded(among: readonly string[] = this.#nodes): string | undefined {
    return [...among].sort((a, b) => this.load(a) - this.load(b))[0]
  }

  mostLoaded(among: readonly string[] = this.#nodes): string | undefined {
    return [...among].sort((a, b) => this.load(b) - this.load(a))[0]
  }

  /** Of several that are equal the next one round from a holder, so that copies are not all put on the first. */
  leastLoadedWithout(shard: number): string | undefined {
    const held = this.of(shard)
    const from = this.#nodes.findIndex((node) => held.includes(node)) + 1
    const round = [...this.#nodes.slice(from), ...this.#nodes.slice(0, from)]
    return this.leastLoaded(round.filter((node) => !held.includes(node)))
  }

  /** A copy that is not good goes first. */
  mostLoadedWith(shard: number): string {
    const stays = this.staying(shard)
    return stays.find((node) => !this.isActive(shard, node)) ?? this.mostLoaded(stays) ?? ''
  }

  apply(kind: Move['kind'], shard: number, from: string, to: string | null): void {
    const nodes = this.#copies.get(shard)
    if (kind !== 'replicate') nodes?.delete(from)
    if (to !== null) nodes?.set(to, true)
  }
}
