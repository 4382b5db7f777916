import { rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pid } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, UserError } from '../errors.ts'
import { type Lock, acquireLock } from '../lock.ts'
import type { LockOptions } from './target.ts'

const retryMs = 200
/** The folder of a lock is made anew as often as its holders may take it away in between; then something else is wrong. */
const mostRemovals = 10

/**
 * One change of a stack at a time: two `up`s at once would each start what is missing.
 * @throws UserError code `locked` when the other takes longer than the time given; exit 130 when interrupted
 */
export async function lockChanges(file: string, what: string, options: LockOptions): Promise<Lock> {
  const since = new Date().toISOString()
  for (let waitedMs = 0; ; waitedMs += retryMs) {
    try {
      const lock = await acquireLock(file, { pid, what, since }, 'this stack is being changed')
      return { release: async () => await releaseWithFolder(lock, file) }
    } catch (error) {
      if (!isRemovedUnderUs(error) || waitedMs > mostRemovals * retryMs) {
        if (!(error instanceof UserError) || error.code !== 'locked' || waitedMs >= options.timeoutMs)
          throw error
        if (waitedMs === 0) options.onWait(error.message)
      }
    }
    await sleep(retryMs, undefined, { signal: options.signal }).catch(() => {
      throw new UserError('Interrupted. Nothing was changed.', {
        exitCode: ExitCode.interrupted,
        code: 'interrupted',
      })
    })
  }
}

/** Nothing is left behind: the folder goes too, unless something is kept in it. */
async function releaseWithFolder(lock: Lock, file: string): Promise<void> {
  await lock.release()
  await rmdir(dirname(file)).catch(() => {})
}

/** The folder vanished between making it and writing into it: the last holder had just released. */
function isRemovedUnderUs(error: unknown): boolean {
  return error instanceof UserError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'
}
