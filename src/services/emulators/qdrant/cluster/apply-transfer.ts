import { badRequest, notFound } from '../errors.ts'
import type { Change, TransferName } from './change.ts'
import type { PeerId } from './peer.ts'
import { activeReplicas, type ClusterState, type CollectionState, type Transfer } from './state.ts'

type TransferChange = Extract<Change, { kind: 'start_transfer' | 'finish_transfer' | 'abort_transfer' }>

export function applyTransfer(
  state: ClusterState,
  collection: CollectionState,
  change: TransferChange,
): void {
  if (change.kind === 'start_transfer') {
    checkTransfer(state, collection, change.transfer)
    const { replicas } = collection.shards[change.transfer.shard]!
    const hadReplica = Object.hasOwn(replicas, change.transfer.to)
    collection.transfers.push({ ...change.transfer, hadReplica })
    replicas[change.transfer.to] = change.transfer.method === 'snapshot' ? 'Recovery' : 'Partial'
    return
  }
  const transfer = findTransfer(collection, change.transfer)
  if (transfer === undefined) throw missingTransfer(collection.name, change.transfer)
  collection.transfers = collection.transfers.filter((other) => other !== transfer)
  const { replicas } = collection.shards[transfer.shard]!
  if (change.kind === 'finish_transfer') {
    replicas[transfer.to] = 'Active'
    if (!transfer.sync) delete replicas[transfer.from]
  } else if (transfer.hadReplica) replicas[transfer.to] = 'Dead'
  else delete replicas[transfer.to]
}

/** What Qdrant demands of a transfer, in its order and words. */
function checkTransfer(state: ClusterState, collection: CollectionState, transfer: TransferName): void {
  const { shard, from, to } = transfer
  const replicas = collection.shards[shard]?.replicas
  if (replicas === undefined) throw badRequest(`Shard ${shard} does not exist`)
  for (const peer of [from, to]) {
    if (!Object.hasOwn(state.peers, peer)) throw badRequest(`Peer ${peer} does not exist`)
  }
  if (replicas[from] !== 'Active') throw badRequest(`Shard ${shard} is not active on peer ${from}`)
  const busy = collection.transfers.find(
    (other) => other.shard === shard && [other.from, other.to].some((peer) => peer === from || peer === to),
  )
  if (busy !== undefined) {
    throw badRequest(`Shard ${shard} is already involved in transfer ${busy.from} -> ${busy.to}`)
  }
}

export function findTransfer(
  collection: CollectionState,
  { shard, from, to }: TransferName,
): Transfer | undefined {
  return collection.transfers.find((other) => other.shard === shard && other.from === from && other.to === to)
}

export function missingTransfer(collection: string, { shard, from, to }: TransferName): Error {
  return notFound(`Shard transfer ${from} -> ${to} for collection ${collection}:${shard} does not exist`)
}

/** Refuses to take away the last replica, or the last active one. */
export function checkDrop(collection: CollectionState, shard: number, peer: PeerId): void {
  const state = collection.shards[shard]
  if (state === undefined) throw badRequest(`Shard ${shard} of ${collection.name} not found`)
  if (!Object.hasOwn(state.replicas, peer)) throw badRequest(`Peer ${peer} has no replica of shard ${shard}`)
  const active = activeReplicas(state)
  if (Object.keys(state.replicas).length === 1 || (active.length === 1 && active[0] === peer)) {
    throw badRequest(`Shard ${shard} must have at least one active replica after removing ${peer}`)
  }
}

/** Takes a replica away, with the transfers that it was part of. */
export function dropReplica(collection: CollectionState, shard: number, peer: PeerId): void {
  const { replicas } = collection.shards[shard]!
  for (const transfer of collection.transfers) {
    if (transfer.shard !== shard || (transfer.from !== peer && transfer.to !== peer)) continue
    if (transfer.hadReplica) replicas[transfer.to] = 'Dead'
    else delete replicas[transfer.to]
  }
  collection.transfers = collection.transfers.filter(
    (transfer) => transfer.shard !== shard || (transfer.from !== peer && transfer.to !== peer),
  )
  delete replicas[peer]
}
