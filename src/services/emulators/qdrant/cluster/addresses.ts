import type { PeerId } from './peer.ts'
import type { ClusterState } from './state.ts'

export interface Address {
  readonly uri: string
  /** When the peer that owns it started, milliseconds since 1970: the later word counts. */
  readonly since: number
}

/**
 * Where peers are, as they have told each other themselves. A cluster that starts again with other ports can
 * agree on nothing before its peers have found each other, so this comes before what it agrees on.
 */
export class Addresses {
  readonly #told = new Map<PeerId, Address>()

  learn(addresses: Readonly<Record<PeerId, Address>>): void {
    for (const [peer, address] of Object.entries(addresses)) {
      if (address.since > (this.#told.get(peer)?.since ?? 0)) this.#told.set(peer, address)
    }
  }

  uriOf(peer: PeerId, state: ClusterState): string | undefined {
    return this.#told.get(peer)?.uri ?? state.peers[peer]?.uri
  }

  all(): Record<PeerId, Address> {
    return Object.fromEntries(this.#told)
  }
}
