/** What happens after a process died, as a function of its history alone. */
export interface Deaths {
  /** In a row: a process that was healthy for `steadyMs` starts from zero. */
  readonly count: number
  readonly everHealthy: boolean
}

export interface Restart {
  readonly state: 'restarting' | 'failing'
  readonly delayMs: number
}

/** Healthy for this long, a process is forgiven its earlier deaths. */
export const steadyMs = 30_000

const firstDelayMs = 250
const longestDelayMs = 10_000
const failingDelayMs = 30_000

/**
 * Pauses double, so that a process that keeps dying does not eat the machine. One that has never been healthy
 * is given up sooner: its configuration is more likely wrong than its luck. Even then it is tried again, seldom.
 */
export function afterDeath({ count, everHealthy }: Deaths): Restart {
  if (count >= (everHealthy ? 5 : 3)) return { state: 'failing', delayMs: failingDelayMs }
  return { state: 'restarting', delayMs: Math.min(firstDelayMs * 2 ** (count - 1), longestDelayMs) }
}
