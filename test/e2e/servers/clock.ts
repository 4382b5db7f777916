/** The machine's clock in milliseconds since 1970, monotonic and with microseconds: the same for every process. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

/** Node's timers come up to two milliseconds late; the rest of the way is spent asking the clock. */
const timerSlackMs = 2

/** Calls back at an instant, as nearly as the machine allows, and says how it is cancelled. */
export function at(instantMs: number, then: () => void): void {
  const waitMs = instantMs - nowMs()
  if (waitMs > timerSlackMs) setTimeout(() => at(instantMs, then), waitMs - timerSlackMs)
  else if (waitMs > 0) setImmediate(() => at(instantMs, then))
  else then()
}
