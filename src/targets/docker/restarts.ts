/** Which containers ended by themselves and were started again by the engine, also between two looks at them. Pure. */
import type { ContainerEvent } from './events.ts'

export interface Restarted {
  readonly container: string
  /** How it had ended; null: nobody was told. */
  readonly exitCode: number | null
  readonly oomKilled: boolean
  /** Restarts since it is watched. */
  readonly times: number
}

interface Life {
  /** Restarts that have been told of, and before anybody watched. */
  told: number
  readonly first: number
  exitCode: number | null
  ended: boolean
  oomKilled: boolean
  /** Somebody told it to end. */
  toldToEnd: boolean
}

/** SIGINT, SIGQUIT, SIGKILL, SIGTERM; others are words to a server that goes on. */
const endingSignals: readonly number[] = [2, 3, 9, 15]

export class Restarts {
  readonly #lives = new Map<string, Life>()

  /** In the order in which they were told. Returns the restart that this one completes. */
  add({ container, action, exitCode, signal }: ContainerEvent): Restarted | null {
    const life = this.#lifeOf(container, 0)
    switch (action) {
      case 'kill':
        life.toldToEnd ||= signal === null || endingSignals.includes(signal)
        return null
      case 'oom':
        life.oomKilled = true
        return null
      case 'die':
        life.ended = true
        life.exitCode = exitCode
        return null
      case 'start': {
        const { ended, toldToEnd, oomKilled, exitCode: last } = life
        Object.assign(life, { ended: false, toldToEnd: false, oomKilled: false, exitCode: null })
        if (!ended || toldToEnd) return null
        life.told += 1
        return { container, exitCode: last, oomKilled, times: life.told - life.first }
      }
      case 'destroy':
        this.#lives.delete(container)
        return null
      default:
        return null
    }
  }

  /**
   * What a look found, by the engine's own count of restarts. Returns one that no event told of.
   * @param heard everything that happened was told: then the count may only be ahead of what is still to be told
   */
  found(container: string, restarts: number, heard: boolean): Restarted | null {
    const life = this.#lifeOf(container, restarts)
    if (heard || restarts <= life.told) return null
    life.told = restarts
    return { container, exitCode: null, oomKilled: false, times: restarts - life.first }
  }

  #lifeOf(container: string, restarts: number): Life {
    const known = this.#lives.get(container)
    if (known !== undefined) return known
    const life = {
      told: restarts,
      first: restarts,
      exitCode: null,
      ended: false,
      oomKilled: false,
      toldToEnd: false,
    }
    this.#lives.set(container, life)
    return life
  }
}
