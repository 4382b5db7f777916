import type { Emulation } from '../../../stack/stack.ts'
import type { Done } from '../cores/core.ts'
import { FifoCore, type FifoDone } from '../cores/fifo.ts'
import { seededRandom } from '../cores/random.ts'
import { SearchCore } from '../cores/search.ts'
import { Driver } from '../driver.ts'
import { openDrawnLog } from '../drawn-log.ts'
import type { Overrun } from '../overrun.ts'
import { rateLimited } from './errors.ts'

/** When a search would have ended on the machine that is modelled. */
export interface SearchTiming {
  readonly overrun: Overrun
  /** Modelled milliseconds of work begun so far, summed over threads. */
  readonly busyMs: number
  readonly waiting: number
  readonly drawn: number
  /** Now, on the clock of arrivals. */
  nowMs(): number
  /**
   * Resolves when the search of shards of these sizes on this node is over. `furtherShards`: those beyond the
   * first, here or elsewhere, whose answers this node merges. Rejects when the node's queue is full.
   */
  search(points: readonly number[], furtherShards: number, arrivalMs: number): Promise<void>
  close(): Promise<void>
}

/** The timing of a vector node: by search threads, or any law on first-come-first-served servers for tests of theory. */
export async function startTiming(
  emulation: Emulation,
  seed: number,
  logFile: string | null,
): Promise<SearchTiming> {
  const log = await openDrawnLog(logFile)
  const random = seededRandom(seed, 'search')
  const waiters = new Map<number, () => void>()
  let lastId = 0
  let lastArrivalMs = -Infinity

  const wake = (event: Done) => {
    const waiter = waiters.get(event.id)
    waiters.delete(event.id)
    waiter?.()
  }
  /** Submits one task to a driver; arrivals may be told late, but not out of order. */
  const wait = (
    submit: (id: number, arrivalMs: number) => 'accepted' | 'refused',
    arrivalMs: number,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      const id = ++lastId
      lastArrivalMs = Math.max(lastArrivalMs, arrivalMs)
      waiters.set(id, resolve)
      if (submit(id, lastArrivalMs) === 'accepted') return
      waiters.delete(id)
      reject(rateLimited('the queue of this emulated node is full'))
    })

  if (emulation.model === 'fifo') {
    const onDrawn = ({ id, arrivalMs, startMs, atMs, serviceMs }: FifoDone) =>
      log.write({ id, arrivalMs, startMs, departureMs: atMs, serviceMs })
    const driver = new Driver(new FifoCore(emulation, random, onDrawn), wake)
    const search: SearchTiming['search'] = async (points, _furtherShards, arrivalMs) => {
      await Promise.all(points.map(() => wait((id, at) => driver.submit({ id }, at), arrivalMs)))
    }
    return timingOf(driver, search)
  }
  if (emulation.model === 'search') {
    const onDone = (event: Done) => {
      log.write({ id: event.id, arrivalMs: event.arrivalMs, startMs: event.startMs, departureMs: event.atMs })
      wake(event)
    }
    const driver = new Driver(new SearchCore(emulation, random), onDone)
    const search: SearchTiming['search'] = (points, furtherShards, arrivalMs) =>
      wait((id, at) => driver.submit({ id, points, furtherShards }, at), arrivalMs)
    return timingOf(driver, search)
  }
  throw new Error(`a vector node is emulated by the model search or fifo, not ${emulation.model}`)

  function timingOf(
    driver: {
      readonly overrun: Overrun
      readonly core: { readonly busyMs: number; readonly waiting: number }
      nowMs(): number
      close(): void
    },
    search: SearchTiming['search'],
  ): SearchTiming {
    return {
      overrun: driver.overrun,
      get busyMs() {
        return driver.core.busyMs
      },
      get waiting() {
        return driver.core.waiting
      },
      get drawn() {
        return lastId
      },
      nowMs: () => driver.nowMs(),
      search,
      close: async () => {
        driver.close()
        await log.close()
      },
    }
  }
}
