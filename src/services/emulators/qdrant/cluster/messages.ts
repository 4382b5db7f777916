import type { Entry, Snapshot } from './consensus-store.ts'
import type { PeerId } from './peer.ts'

/** What peers say to each other to agree. */
export type Message =
  | {
      readonly kind: 'append'
      readonly term: number
      readonly leader: PeerId
      /** The entry before the first of `entries`. */
      readonly previous: { readonly index: number; readonly term: number }
      readonly entries: readonly Entry[]
      readonly commit: number
    }
  | { readonly kind: 'install'; readonly term: number; readonly leader: PeerId; readonly snapshot: Snapshot }
  | {
      readonly kind: 'vote'
      readonly term: number
      readonly candidate: PeerId
      readonly last: { readonly index: number; readonly term: number }
      /** Asked before standing: nothing is promised yet, and nobody's term grows. */
      readonly trial: boolean
    }

export interface Reply {
  readonly term: number
  /** Whether the entries fit, or the vote is given. */
  readonly ok: boolean
  /** The last entry known to be the leader's (ok), or the last there is (not ok). */
  readonly match: number
  /** The last entry applied. */
  readonly applied: number
}
