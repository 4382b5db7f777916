import type { Message, Reply } from './messages.ts'
import type { PeerId } from './peer.ts'

export interface Poll {
  /** Whether most voters, the candidate among them, said yes. */
  readonly won: boolean
  /** The latest term that any of them knows. */
  readonly latestTerm: number
}

/** Asks all other voters for their vote; who cannot be reached says no. */
export async function poll(
  voters: readonly PeerId[],
  vote: Extract<Message, { kind: 'vote' }>,
  send: (to: PeerId, message: Message) => Promise<Reply>,
): Promise<Poll> {
  const others = voters.filter((peer) => peer !== vote.candidate)
  const replies = await Promise.all(others.map((peer) => send(peer, vote).catch(() => null)))
  const yes = replies.filter((reply) => reply?.ok).length + 1
  return {
    won: yes * 2 > voters.length,
    latestTerm: Math.max(0, ...replies.map((reply) => reply?.term ?? 0)),
  }
}
