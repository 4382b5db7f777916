import { QdrantError, alreadyExists, badRequest, missingCollection, notFound, wrongInput } from '../errors.ts'
import type { AliasAction, Change, Proposal } from './change.ts'
import { applyTransfer, checkDrop, dropReplica } from './apply-transfer.ts'
import type { PeerId } from './peer.ts'
import type { ClusterState, CollectionState } from './state.ts'

/** How many proposals are remembered: far more than can be under way at once. */
const remembered = 256

/** Applies a proposal once; a refusal changes nothing and is part of what the cluster agrees on. */
export function applyProposal(state: ClusterState, { id, change }: Proposal): QdrantError | null {
  const known = state.proposals.find((proposal) => proposal.id === id)
  if (known !== undefined)
    return known.error === null ? null : new QdrantError(known.error.status, known.error.message)
  let refused: QdrantError | null = null
  try {
    apply(state, change)
  } catch (error) {
    if (!(error instanceof QdrantError)) throw error
    refused = error
  }
  state.proposals.push({
    id,
    error: refused === null ? null : { status: refused.status, message: refused.message },
  })
  if (state.proposals.length > remembered) state.proposals.shift()
  return refused
}

/** Changes the state; throws `QdrantError`, with nothing changed, for what may not be. */
function apply(state: ClusterState, change: Change): void {
  switch (change.kind) {
    case 'begin':
      return
    case 'add_peer':
      if (Object.hasOwn(state.peers, change.peer)) state.peers[change.peer]!.uri = change.uri
      else state.peers[change.peer] = { uri: change.uri, ordinal: state.joined++, voter: change.voter }
      return
    case 'promote_peer':
      if (Object.hasOwn(state.peers, change.peer)) state.peers[change.peer]!.voter = true
      return
    case 'move_peer':
      if (Object.hasOwn(state.peers, change.peer)) state.peers[change.peer]!.uri = change.uri
      return
    case 'remove_peer':
      return removePeer(state, change.peer, change.force)
    case 'create_collection':
      if (Object.hasOwn(state.collections, change.collection.name)) {
        throw alreadyExists(`Collection \`${change.collection.name}\` already exists!`)
      }
      if (Object.hasOwn(state.aliases, change.collection.name)) {
        throw wrongInput(
          `Can't create collection with name ${change.collection.name}. Alias with the same name already exists`,
        )
      }
      // The proposal stays in the log: the state needs its own.
      state.collections[change.collection.name] = structuredClone(change.collection)
      return
    case 'delete_collection':
      if (!Object.hasOwn(state.collections, change.collection)) throw missingCollection(change.collection)
      delete state.collections[change.collection]
      for (const [alias, target] of Object.entries(state.aliases)) {
        if (target === change.collection) delete state.aliases[alias]
      }
      return
    case 'change_aliases': {
      const aliases = { ...state.aliases }
      for (const action of change.actions) changeAlias(state, aliases, action)
      state.aliases = aliases
      return
    }
    case 'update_collection':
    case 'create_index':
    case 'delete_index':
    case 'create_shard_key':
    case 'delete_shard_key':
    case 'set_replicas':
    case 'drop_replica':
    case 'start_transfer':
    case 'finish_transfer':
    case 'abort_transfer':
      return applyToCollection(state, collectionOf(state, change.collection), change)
  }
}

type CollectionChange = Exclude<
  Extract<Change, { collection: string }>,
  { kind: 'create_collection' | 'delete_collection' }
>

function applyToCollection(state: ClusterState, collection: CollectionState, change: CollectionChange): void {
  switch (change.kind) {
    case 'update_collection':
      collection.config = structuredClone(change.config)
      return
    case 'create_index':
      collection.payloadIndexes[change.field] = { type: change.type, params: structuredClone(change.params) }
      return
    case 'delete_index':
      delete collection.payloadIndexes[change.field]
      return
    case 'create_shard_key': {
      const taken = Object.values(collection.shards).some(({ key }) => key === change.key)
      if (taken) throw badRequest(`Shard key ${JSON.stringify(change.key)} already exists`)
      let next = Math.max(-1, ...Object.keys(collection.shards).map(Number)) + 1
      for (const peers of change.placement) {
        collection.shards[next++] = {
          key: change.key,
          replicas: Object.fromEntries(peers.map((peer) => [peer, 'Active' as const])),
        }
      }
      return
    }
    case 'delete_shard_key': {
      const shards = Object.entries(collection.shards).filter(([, { key }]) => key === change.key)
      if (shards.length === 0) {
        throw badRequest(
          `Shard key ${JSON.stringify(change.key)} does not exist for collection ${collection.name}`,
        )
      }
      for (const [shard] of shards) {
        delete collection.shards[Number(shard)]
        collection.transfers = collection.transfers.filter((transfer) => transfer.shard !== Number(shard))
      }
      return
    }
    case 'set_replicas':
      for (const { shard, peer, from, to } of change.replicas) {
        const replicas = collection.shards[shard]?.replicas
        if (replicas?.[peer] !== from) continue
        const others = Object.entries(replicas).filter(
          ([other, state]) => other !== peer && state === 'Active',
        )
        // The last active replica holds the truth: it may not be given up.
        if (from === 'Active' && others.length === 0) continue
        replicas[peer] = to
      }
      return
    case 'drop_replica':
      checkDrop(collection, change.shard, change.peer)
      dropReplica(collection, change.shard, change.peer)
      return
    case 'start_transfer':
    case 'finish_transfer':
    case 'abort_transfer':
      return applyTransfer(state, collection, change)
  }
}

function removePeer(state: ClusterState, peer: PeerId, force: boolean): void {
  if (!Object.hasOwn(state.peers, peer)) throw notFound(`Peer ${peer}`)
  const collections = Object.values(state.collections)
  if (!force && collections.some((collection) => holdsShards(collection, peer))) throw peerHasShards(peer)
  for (const collection of collections) {
    for (const [shard, { replicas }] of Object.entries(collection.shards)) {
      if (Object.hasOwn(replicas, peer)) dropReplica(collection, Number(shard), peer)
    }
  }
  delete state.peers[peer]
}

export function holdsShards(collection: CollectionState, peer: PeerId): boolean {
  return Object.values(collection.shards).some(({ replicas }) => Object.hasOwn(replicas, peer))
}

export const peerHasShards = (peer: PeerId): QdrantError =>
  badRequest(`Cannot remove peer ${peer} as there are shards on it`)

function changeAlias(state: ClusterState, aliases: Record<string, string>, action: AliasAction): void {
  if ('create_alias' in action) {
    const { collection_name: collection, alias_name: alias } = action.create_alias
    if (!Object.hasOwn(state.collections, collection)) throw missingCollection(collection)
    if (Object.hasOwn(state.collections, alias))
      throw alreadyExists(`Collection \`${alias}\` already exists!`)
    aliases[alias] = collection
  } else if ('delete_alias' in action) {
    delete aliases[action.delete_alias.alias_name]
  } else {
    const { old_alias_name: from, new_alias_name: to } = action.rename_alias
    const collection = Object.hasOwn(aliases, from) ? aliases[from] : undefined
    if (collection === undefined) throw notFound(`Alias ${from} does not exists!`)
    delete aliases[from]
    aliases[to] = collection
  }
}

function collectionOf(state: ClusterState, name: string): CollectionState {
  if (!Object.hasOwn(state.collections, name)) throw missingCollection(name)
  return state.collections[name]!
}
