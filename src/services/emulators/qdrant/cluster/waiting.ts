import type { QdrantError } from '../errors.ts'
import type { Entry } from './consensus-store.ts'

export interface Outcome {
  readonly index: number
  /** Why the change was refused; null when it was made. */
  readonly refused: QdrantError | null
}

/** Thrown to who proposes at a peer that is not, or no longer, the leader. */
export class NotLeader extends Error {}

interface Waiter {
  readonly term: number
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: Error) => void
}

/** Those who wait at a leader for their place in the log to be agreed on. */
export class Waiting {
  readonly #waiters = new Map<number, Waiter>()

  /** Resolves when the entry of this term has the place; rejects with `NotLeader` when another gets it. */
  for(index: number, term: number): Promise<Outcome> {
    return new Promise((resolve, reject) => this.#waiters.set(index, { term, resolve, reject }))
  }

  end({ index, term }: Entry, refused: QdrantError | null): void {
    const waiter = this.#waiters.get(index)
    this.#waiters.delete(index)
    if (waiter?.term === term) waiter.resolve({ index, refused })
    else waiter?.reject(new NotLeader('another leader took this place in the log'))
  }

  giveUp(): void {
    for (const waiter of this.#waiters.values()) waiter.reject(new NotLeader('this peer no longer leads'))
    this.#waiters.clear()
  }
}
