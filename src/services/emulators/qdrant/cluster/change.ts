import type { CollectionConfig } from './collection-config.ts'
import type { PeerId } from './peer.ts'
import type { CollectionState, ReplicaState, ShardKey, Transfer } from './state.ts'

export type AliasAction =
  | { readonly create_alias: { readonly collection_name: string; readonly alias_name: string } }
  | { readonly delete_alias: { readonly alias_name: string } }
  | { readonly rename_alias: { readonly old_alias_name: string; readonly new_alias_name: string } }

/** Names one transfer. */
export type TransferName = Pick<Transfer, 'shard' | 'from' | 'to'>

/** One entry of the cluster's log: what every peer applies, in the same order, to the same effect. */
export type Change =
  /** A leader's first entry, which commits those of leaders before it. */
  | { readonly kind: 'begin' }
  | { readonly kind: 'add_peer'; readonly peer: PeerId; readonly uri: string; readonly voter: boolean }
  | { readonly kind: 'promote_peer'; readonly peer: PeerId }
  | { readonly kind: 'move_peer'; readonly peer: PeerId; readonly uri: string }
  | { readonly kind: 'remove_peer'; readonly peer: PeerId; readonly force: boolean }
  | { readonly kind: 'create_collection'; readonly collection: CollectionState }
  | { readonly kind: 'update_collection'; readonly collection: string; readonly config: CollectionConfig }
  | { readonly kind: 'delete_collection'; readonly collection: string }
  | { readonly kind: 'change_aliases'; readonly actions: readonly AliasAction[] }
  | {
      readonly kind: 'create_index'
      readonly collection: string
      readonly field: string
      readonly type: string
      readonly params: unknown
    }
  | { readonly kind: 'delete_index'; readonly collection: string; readonly field: string }
  | {
      readonly kind: 'create_shard_key'
      readonly collection: string
      readonly key: ShardKey
      readonly placement: readonly (readonly PeerId[])[]
    }
  | { readonly kind: 'delete_shard_key'; readonly collection: string; readonly key: ShardKey }
  | {
      readonly kind: 'set_replicas'
      readonly collection: string
      readonly replicas: readonly {
        readonly shard: number
        readonly peer: PeerId
        readonly from: ReplicaState
        readonly to: ReplicaState
      }[]
    }
  | {
      readonly kind: 'drop_replica'
      readonly collection: string
      readonly shard: number
      readonly peer: PeerId
    }
  | {
      readonly kind: 'start_transfer'
      readonly collection: string
      readonly transfer: Omit<Transfer, 'hadReplica'>
    }
  | { readonly kind: 'finish_transfer'; readonly collection: string; readonly transfer: TransferName }
  | { readonly kind: 'abort_transfer'; readonly collection: string; readonly transfer: TransferName }

/** A change with the id by which it counts once, however often it is sent. */
export interface Proposal {
  readonly id: string
  readonly change: Change
}
