import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * When a process began, as text to be compared: with its id it names one process for ever, which an id alone
 * does not. Null when there is no such process, or only its corpse, or when the system does not say.
 */
export async function processStart(pid: number): Promise<string | null> {
  if (process.platform === 'win32') return null
  try {
    if (process.platform !== 'linux') {
      const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)])
      return stdout.trim() === '' ? null : stdout.trim()
    }
    // The name in parentheses may hold spaces; of what follows it, the state is first and the start 20th.
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}

/** Whether the very process that once had this id and this start still runs. */
export async function isRunning(pid: number, start: string | null): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  if (start === null) return true
  return (await processStart(pid)) === start
}
