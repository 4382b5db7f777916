/** What there is to do so that a Qdrant cluster is as asked for. Pure. */
import { ExitCode, UserError } from '../../errors.ts'
import type { Collection } from '../../stack/stack.ts'
import { place } from './placement.ts'
import { planShardCount } from './plan-shard-count.ts'
import { type PeerMove, describeMove } from './transfer.ts'
import type { ClusterView, CollectionView } from './view.ts'

export interface VectorGoal {
  /** Of the stack; null for a Qdrant whose shard plan no file holds: then it is only balanced. */
  readonly collection: Collection | null
  /** How many nodes the stack has; a collection is not made before they are there. Null: as many as there are. */
  readonly nodes: number | null
  /** The name that callers use. */
  readonly name: string
  /** Nodes to empty and take out of the cluster, by their names or ids. */
  readonly drain: readonly string[]
  /** Another count of shards; null: as it is. */
  readonly shards: number | null
  /** Remove the copies of the collection that nobody is served from any more. */
  readonly dropOld: boolean
}

type Action =
  | { readonly kind: 'wait'; readonly collection: string; readonly shard: number }
  | { readonly kind: 'recover'; readonly collection: string; readonly shard: number; readonly peer: string }
  | {
      readonly kind: 'abort-transfer'
      readonly collection: string
      readonly shard: number
      readonly from: string
      readonly to: string
    }
  | { readonly kind: 'create'; readonly collection: Collection }
  | { readonly kind: 'set-replication'; readonly collection: string; readonly replication: number }
  | { readonly kind: 'transfer'; readonly move: PeerMove }
  | { readonly kind: 'remove-peer'; readonly peer: string; readonly name: string }
  | { readonly kind: 'create-like'; readonly from: string; readonly to: string; readonly shards: number }
  | { readonly kind: 'copy'; readonly from: string; readonly to: string }
  | { readonly kind: 'settle'; readonly collection: string }
  | { readonly kind: 'verify'; readonly from: string; readonly to: string }
  | { readonly kind: 'change-aliases'; readonly actions: readonly AliasAction[] }
  | { readonly kind: 'drop-collection'; readonly collection: string }

export type AliasAction =
  | { readonly create_alias: { readonly collection_name: string; readonly alias_name: string } }
  | { readonly delete_alias: { readonly alias_name: string } }
  | { readonly rename_alias: { readonly old_alias_name: string; readonly new_alias_name: string } }

export type VectorStep = Action & {
  /** In words, with an imperative. */
  readonly what: string
  readonly because: string
}

export interface VectorPlan {
  readonly steps: readonly VectorStep[]
  /** What is left as it is, and what it would take, in sentences. */
  readonly notes: readonly string[]
}

/**
 * What is under way first; then the collection, its copies, the balance of nodes, nodes that leave, and last
 * another count of shards.
 * @throws UserError: exit 2 for what can never be, exit 4 for what cannot be now
 */
export function planVector(view: ClusterView, goal: VectorGoal): VectorPlan {
  const going = goal.drain.flatMap((name) => peerNamed(name, view) ?? [])
  refuse(view, goal, going)
  const underWay = [...transfersIn(view, going), ...recoveriesIn(view, going)]
  // Where its copies end up is only known afterwards.
  if (underWay.length > 0) return { steps: underWay, notes: ['the rest is planned when that is done'] }
  const served = servedBy(view, goal.name)
  const creation = served === null && unfinishedSwitch(view, goal.name) === null ? creationOf(view, goal) : []
  const placed =
    creation.length > 0 && view.collections.length === 0 ? [] : placing(view, goal, served, going)
  const leaving = going.map((peer): VectorStep => {
    const name = nameIn(view, peer)
    return {
      kind: 'remove-peer',
      peer,
      name,
      what: `take ${name} out of the cluster`,
      because: `--drain ${name}`,
    }
  })
  const counted = planShardCount(view, goal, served)
  return {
    steps: [...placed, ...leaving, ...creation, ...counted.steps],
    notes: [
      ...goal.drain
        .filter((name) => peerNamed(name, view) === null)
        .map(
          (name) =>
            `${name} is no node of the cluster: ${view.peers.map((peer) => peer.name).join(', ')} are`,
        ),
      ...drained(view, goal, going),
      ...counted.notes,
    ],
  }
}

/** Steps after which it is planned anew. */
export function isOfWhatIsUnderWay({ kind }: VectorStep): boolean {
  return kind === 'wait' || kind === 'recover' || kind === 'abort-transfer'
}

/** It changes nothing: what is waited for goes on by itself. */
export function isWaiting({ kind }: VectorStep): boolean {
  return kind === 'wait' || kind === 'recover' || kind === 'settle'
}

/** What the cluster moves already; with a node that is given up nothing arrives any more. */
function transfersIn(view: ClusterView, going: readonly string[]): VectorStep[] {
  const isLost = (id: string) => going.includes(id) && view.peers.some((peer) => peer.id === id && !peer.up)
  return view.collections.flatMap(({ name: collection, transfers }) =>
    transfers.map(({ shard, from, to }): VectorStep => {
      const way = `from ${nameIn(view, from)} to ${nameIn(view, to)}`
      const lost = [from, to].find(isLost)
      if (lost === undefined) {
        return {
          kind: 'wait',
          collection,
          shard,
          what: `wait for shard ${shard} of ${collection} on its way ${way}`,
          because: 'the cluster moves it already',
        }
      }
      return {
        kind: 'abort-transfer',
        collection,
        shard,
        from,
        to,
        what: `give up the transfer of shard ${shard} of ${collection} ${way}`,
        because: `${nameIn(view, lost)} does not answer, and is given up`,
      }
    }),
  )
}

/** Copies that are behind, as after a node was away, and that the cluster makes whole from another one. */
function recoveriesIn({ peers, collections }: ClusterView, going: readonly string[]): VectorStep[] {
  const isUp = (id: string) => peers.some((peer) => peer.id === id && peer.up)
  return collections.flatMap(({ name: collection, copies }) =>
    copies
      .filter(({ shard, peer, state }) => {
        const sources = copies.filter(
          (one) => one.shard === shard && one.state === 'Active' && isUp(one.peer),
        )
        return state !== 'Active' && isUp(peer) && !going.includes(peer) && sources.length > 0
      })
      .map(({ shard, peer, state }): VectorStep => {
        const name = peers.find(({ id }) => id === peer)?.name ?? `peer ${peer}`
        return {
          kind: 'recover',
          collection,
          shard,
          peer,
          what: `wait until the copy of shard ${shard} of ${collection} on ${name} is whole`,
          because: `it is ${state}; the cluster brings it up to date by itself`,
        }
      }),
  )
}

/** A node that is taken out runs on, and knows nothing of what the others do from then on. */
function drained({ peers }: ClusterView, { nodes }: VectorGoal, going: readonly string[]): string[] {
  if (going.length === 0 || nodes === null) return []
  const names = peers.filter(({ id, up }) => up && going.includes(id)).map(({ name }) => name)
  if (names.length === 0) return []
  const left = peers.length - going.length
  const file = nodes === left ? '' : `write nodes: ${left} into ragscale.yaml, then `
  return [
    `${names.join(' and ')} still ${names.length === 1 ? 'runs' : 'run'} and may be asked: ${file}ragscale up   stops what is in the cluster no longer`,
  ]
}

/** The collection behind the name that callers use: by its own name or by an alias; null when there is none. */
export function servedBy({ collections }: ClusterView, name: string): CollectionView | null {
  return collections.find((one) => one.name === name || one.aliases.includes(name)) ?? null
}

/** An alias that is given just before the old collection goes: it marks a copy that was verified. */
export const markOf = (name: string): string => `${name}--next`

/** The copy that waits to be given the name, when the old collection is gone already. */
export function unfinishedSwitch(view: ClusterView, name: string): CollectionView | null {
  return view.collections.find(({ aliases }) => aliases.includes(markOf(name))) ?? null
}

function creationOf({ peers }: ClusterView, { collection, nodes }: VectorGoal): VectorStep[] {
  if (collection === null) return []
  if (nodes !== null && peers.length < nodes) {
    throw cannot(
      `${peers.length} of ${nodes} nodes have joined the cluster, and a collection made now would leave the others empty`,
      'ragscale up starts them; ragscale vector status shows who has joined.',
    )
  }
  const { name, shards, replication } = collection
  return [
    {
      kind: 'create',
      collection,
      what: `create collection ${name} with ${shards} shards, ${replication} of each`,
      because: 'the stack names it, and the cluster has none of that name',
    },
  ]
}

function placing(
  view: ClusterView,
  goal: VectorGoal,
  served: CollectionView | null,
  going: readonly string[],
): VectorStep[] {
  const staying = view.peers.map(({ id }) => id).filter((peer) => !going.includes(peer))
  const asked = goal.collection?.replication
  // Whoever noticed no write that failed calls the copies of a node that is gone active: nothing can be read from them.
  const isUp = (id: string) => view.peers.some((peer) => peer.id === id && peer.up)
  const copies = view.collections.flatMap((collection) =>
    collection.copies.map(({ shard, peer, state }) => ({
      collection: collection.name,
      shard,
      node: peer,
      active: state === 'Active' && isUp(peer),
    })),
  )
  const replication = served === null || asked === undefined ? {} : { [served.name]: asked }
  const { moves, losses } = place(copies, { nodes: staying, replication })
  if (losses.length > 0) {
    throw cannot(
      `the only good copy would be lost of ${losses.join(', ')}`,
      'Start the node that holds a good copy, and wait until its shards are active (ragscale vector status).',
    )
  }
  const named = (peer: string) => nameIn(view, peer)
  const steps = moves.map((move): VectorStep => ({
    kind: 'transfer',
    move,
    what: describeMove({ ...move, from: named(move.from), to: move.to === null ? null : named(move.to) }),
    because: view.peers.reduce((text, { id, name }) => text.replaceAll(id, name), move.because),
  }))
  if (served === null || asked === undefined || served.replication === asked) return steps
  return [
    {
      kind: 'set-replication',
      collection: served.name,
      replication: asked,
      what: `set the replication of ${served.name} to ${asked}`,
      because: `it is ${served.replication ?? 'not told while a shard cannot be read'}; Qdrant goes by it when it repairs, and makes no copies for it by itself`,
    },
    ...steps,
  ]
}

/** What Qdrant would accept without a word, or could not do now. */
function refuse(view: ClusterView, { collection, drain }: VectorGoal, going: readonly string[]): void {
  if (view.raft.leader === null) {
    throw cannot(
      'the cluster has no leader, so nothing can be changed',
      'More than half of its nodes must run: ragscale vector status shows which do not.',
    )
  }
  const staying = view.peers.length - going.length
  if (staying < 1) throw never('no node would be left', 'Leave at least one node out of --drain.')
  if (collection !== null && collection.replication > staying) {
    throw never(
      `replication ${collection.replication} needs as many nodes, and ${staying} ${going.length > 0 ? 'would be left' : 'are there'}`,
      'Lower tiers.vector.collection.replication, or add nodes first: Qdrant makes fewer copies than are asked for, and says nothing.',
    )
  }
  const tooFew = view.collections.find(({ copies }) =>
    [...Map.groupBy(copies, ({ shard }) => shard).values()].some(
      (its) => its.filter(({ state }) => state === 'Active').length > staying,
    ),
  )
  const lowers = tooFew !== undefined && collection !== null && servedBy(view, collection.name) === tooFew
  if (tooFew !== undefined && !lowers) {
    throw never(
      `${tooFew.name} has more copies of a shard than the ${staying} nodes that would be left`,
      'Lower its replication first.',
    )
  }
  const down = view.peers.filter(({ id, up }) => !up && !going.includes(id)).map(({ name }) => name)
  if (down.length > 0) {
    throw cannot(
      `${down.join(' and ')} ${down.length === 1 ? 'does' : 'do'} not answer`,
      `Start ${down.length === 1 ? 'it' : 'them'}, or give ${down.length === 1 ? 'it' : 'them'} up for good: ${[...drain, ...down].map((name) => `--drain ${name}`).join(' ')}`,
    )
  }
  refuseMinority(view)
}

/** A leader that has lost the others goes on calling itself one: Qdrant has it look at no majority. */
function refuseMinority({ peers }: ClusterView): void {
  const down = peers.filter(({ up }) => !up).map(({ name }) => name)
  if (down.length * 2 < peers.length) return
  const needed = Math.floor(peers.length / 2) + 1
  throw cannot(
    `${peers.length - down.length} of ${peers.length} nodes answer, and nothing is agreed on, not even who goes, by less than ${needed}`,
    `Start some of them again, until ${needed} run, before others are given up: ${down.join(', ')}`,
  )
}

/** Null for a node that is not in the cluster: taken out by an earlier run of the same command. */
function peerNamed(name: string, { peers }: ClusterView): string | null {
  return peers.find((peer) => peer.name === name || peer.id === name)?.id ?? null
}

function nameIn({ peers }: ClusterView, peer: string): string {
  return peers.find(({ id }) => id === peer)?.name ?? `peer ${peer}`
}

function cannot(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: ExitCode.unhealthy, code: 'unhealthy' })
}

function never(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: ExitCode.usage, code: 'vector' })
}
