/**
 * One at a time: two load tests on one stack would measure each other, two changes of it undo each other.
 *
 * The lock is a file that names its holder. A holder that was killed leaves it behind; the next one takes
 * it over at once, because the process of that id is gone or is another one.
 */
import { randomUUID } from 'node:crypto'
import { link, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { UserError } from './errors.ts'
import { makeFolder } from './folder.ts'
import { diskError } from './disk-error.ts'
import { isRunning, processStart } from './process-start.ts'

const holder = z.object({
  pid: z.number().int(),
  /** Tells a process from a later one of the same id (`processStart`); null where the system does not say. */
  start: z.string().nullable(),
  host: z.string(),
  what: z.string(),
  since: z.string(),
  token: z.string(),
})
export type LockHolder = z.output<typeof holder>

export interface Lock {
  /** Gives the lock up; a second call does nothing. */
  release(): Promise<void>
}

/**
 * @param file of the lock; its folder is made
 * @param mine who asks: its process, what it does in words, since when (ISO 8601)
 * @param busy what to say before the holder's name when it is held
 * @throws {UserError} code `locked`, naming the holder
 */
export async function acquireLock(
  file: string,
  mine: { pid: number; what: string; since: string },
  busy = 'a load test runs on this stack already',
): Promise<Lock> {
  const own: LockHolder = {
    ...mine,
    host: hostname(),
    start: await processStart(mine.pid),
    token: randomUUID(),
  }
  const draft = `${file}.${own.token}`
  try {
    await makeFolder(dirname(file))
    // Written in full first and linked into place: no reader ever sees half a lock.
    await writeFile(draft, JSON.stringify(own), { flag: 'wx' })
  } catch (error) {
    await unlink(draft).catch(() => undefined)
    throw diskError(`could not write ${draft}`, error)
  }
  try {
    // Every turn either takes the lock, names its holder or removes one stale lock; rivals bound the turns.
    for (let turn = 0; turn < 50; turn++) {
      if (await linked(draft, file)) return lockOf(file, own)
      const other = await readHolder(file)
      if (other === 'gone') continue
      if (other !== 'damaged' && !(await isStale(other))) throw held(file, other, busy)
      if (other === 'damaged' && (await ageMs(file)) < 60_000) throw held(file, null, busy)
      await removeStale(file, other === 'damaged' ? null : other.token)
    }
    throw held(file, null, busy)
  } finally {
    await unlink(draft).catch(() => undefined)
  }
}

/** Who holds a lock and lives; null when nobody does. */
export async function livingHolder(file: string): Promise<LockHolder | null> {
  const found = await readHolder(file)
  return typeof found === 'object' && !(await isStale(found)) ? found : null
}

async function linked(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw diskError(`could not write ${file}`, error)
  }
}

function lockOf(file: string, own: LockHolder): Lock {
  return {
    release: async () => {
      const current = await readHolder(file)
      if (typeof current === 'object' && current.token === own.token)
        await unlink(file).catch(() => undefined)
    },
  }
}

async function readHolder(file: string): Promise<LockHolder | 'gone' | 'damaged'> {
  try {
    const parsed = holder.safeParse(JSON.parse(await readFile(file, 'utf8')))
    return parsed.success ? parsed.data : 'damaged'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : 'damaged'
  }
}

/**
 * Of two that see the same stale lock, the slower must not remove the lock that the quicker one made since.
 * So only the holder of a guard removes one, after looking again; a guard is held for milliseconds.
 */
async function removeStale(file: string, token: string | null): Promise<void> {
  const guard = `${file}.takeover`
  try {
    await writeFile(guard, '', { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw diskError(`could not write ${guard}`, error)
    if ((await ageMs(guard)) > 10_000) await unlink(guard).catch(() => undefined)
    await sleep(20)
    return
  }
  try {
    const now = await readHolder(file)
    if (token === null ? now === 'damaged' : typeof now === 'object' && now.token === token)
      await unlink(file)
  } catch (error) {
    throw diskError(`could not remove the stale lock ${file}`, error)
  } finally {
    await unlink(guard).catch(() => undefined)
  }
}

async function isStale({ pid, host, start }: LockHolder): Promise<boolean> {
  // A process of another machine cannot be looked at: its lock is never taken over.
  return host === hostname() && !(await isRunning(pid, start))
}

async function ageMs(file: string): Promise<number> {
  return await stat(file).then(
    (found) => Date.now() - found.mtimeMs,
    () => Infinity,
  )
}

function held(file: string, other: LockHolder | null, busy: string): UserError {
  const who =
    other === null
      ? 'another ragscale'
      : `${other.what} (process ${other.pid} on ${other.host}, since ${other.since})`
  return new UserError(`${busy}: ${who}`, {
    hint: `Wait for it to end, or stop it. If it is certainly gone, remove ${file}.`,
    code: 'locked',
  })
}
