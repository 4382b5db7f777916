import type { Message, Reply } from './messages.ts'
import type { PeerId } from './peer.ts'

interface Follower {
  /** The entry to send next, the last known to be held, the last applied. */
  next: number
  match: number
  applied: number
  heardMs: number
  sending: boolean
  again: boolean
}

export interface FollowersOptions {
  readonly send: (to: PeerId, message: Message) => Promise<Reply>
  /** What a follower that needs the entries from `next` on is sent. */
  readonly messageFrom: (next: number) => Message
  /** Looks at a reply; false when it ended this leader's rule. */
  readonly onReply: (reply: Reply) => boolean
  readonly lastIndex: () => number
  readonly commit: () => number
  readonly nowMs: () => number
  /** Runs a step on its own, and tells what goes wrong with it. */
  readonly watch: (step: () => Promise<void>) => void
}

/** A leader's view of its followers, and the one message under way to each. */
export class Followers {
  readonly #options: FollowersOptions
  readonly #followers = new Map<PeerId, Follower>()
  #closed = false

  constructor(options: FollowersOptions) {
    this.#options = options
  }

  /** Ends the rule: what still comes back is not listened to. */
  close(): void {
    this.#closed = true
  }

  /** Speaks to each of these that is not being spoken to, and forgets all others. */
  spread(peers: readonly PeerId[]): void {
    for (const known of this.#followers.keys()) if (!peers.includes(known)) this.#followers.delete(known)
    for (const peer of peers) {
      const follower = this.#followers.get(peer) ?? {
        next: this.#options.lastIndex(),
        match: 0,
        applied: 0,
        heardMs: this.#options.nowMs(),
        sending: false,
        again: false,
      }
      this.#followers.set(peer, follower)
      if (follower.sending) follower.again = true
      else this.#options.watch(async () => await this.#feed(peer, follower))
    }
  }

  match(peer: PeerId): number {
    return this.#followers.get(peer)?.match ?? 0
  }

  heardWithin(peer: PeerId, ms: number): boolean {
    const follower = this.#followers.get(peer)
    return follower !== undefined && this.#options.nowMs() - follower.heardMs <= ms
  }

  /** Whether all that were heard of within so many milliseconds have applied an entry. */
  settled(index: number, ms: number): boolean {
    return [...this.#followers].every(([peer, one]) => one.applied >= index || !this.heardWithin(peer, ms))
  }

  async #feed(peer: PeerId, follower: Follower): Promise<void> {
    follower.sending = true
    try {
      await this.#exchange(peer, follower)
    } finally {
      follower.sending = false
    }
  }

  async #exchange(peer: PeerId, follower: Follower): Promise<void> {
    const { send, messageFrom, onReply, lastIndex, commit, nowMs } = this.#options
    do {
      follower.again = false
      // Unreachable: the next heartbeat tries again.
      const reply = await send(peer, messageFrom(follower.next)).catch(() => null)
      if (this.#closed || this.#followers.get(peer) !== follower) return
      if (reply === null) return
      follower.heardMs = nowMs()
      follower.applied = reply.applied
      if (reply.ok) {
        follower.match = Math.max(follower.match, reply.match)
        follower.next = follower.match + 1
      } else follower.next = Math.max(1, Math.min(follower.next - 1, reply.match + 1))
      if (!onReply(reply)) return
      if (follower.next <= lastIndex() || follower.applied < commit()) follower.again = true
    } while (follower.again)
  }
}
