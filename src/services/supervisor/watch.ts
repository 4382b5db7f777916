import type { WantedProcess } from '../../supervision.ts'
import { probe } from './health.ts'

export interface WatchListener {
  /** It has not been ready yet. */
  onNotYet(why: string): void
  /** It may be given work: for the first time, or again. */
  onReady(): void
  /** It runs, and must be given no work. */
  onUnready(why: string): void
  /** It must be restarted. */
  onDead(why: string): void
}

const startingIntervalMs = 50

/**
 * Asks a process for its health until stopped. Before it is ready for the first time every answer is waited
 * for (the start timeout ends that); afterwards so many failures in a row are believed, and no single one.
 */
export function watch(
  port: number,
  health: NonNullable<WantedProcess['health']>,
  listener: WatchListener,
): () => void {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let state: 'new' | 'ready' | 'unready' = 'new'
  const failed = { live: 0, ready: 0 }

  const look = async (): Promise<void> => {
    const live = await probe(port, health.live, health.timeoutMs)
    const ready =
      live ?? (health.ready === health.live ? null : await probe(port, health.ready, health.timeoutMs))
    if (stopped) return
    failed.live = live === null ? 0 : failed.live + 1
    failed.ready = ready === null ? 0 : failed.ready + 1
    if (state === 'new' && ready !== null) listener.onNotYet(ready)
    if (ready === null && state !== 'ready') {
      state = 'ready'
      listener.onReady()
    } else if (state !== 'new' && live !== null && failed.live >= health.failures) {
      listener.onDead(live)
      return
    } else if (state === 'ready' && ready !== null && failed.ready >= health.failures) {
      state = 'unready'
      listener.onUnready(ready)
    }
    if (!stopped)
      timer = setTimeout(() => void look(), state === 'new' ? startingIntervalMs : health.intervalMs)
  }

  void look()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
