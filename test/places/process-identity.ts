import { readFile } from 'node:fs/promises'

/**
 * A process by its id and the time at which it was started (clock ticks since boot, field 22 of `/proc/<pid>/stat`),
 * so that another process which got the same id later is not taken for it. Null where there is none.
 */
export async function identityOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The command's name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : `${pid} ${fields[19] ?? ''}`
  } catch {
    return null
  }
}

/** Whether the process that `identityOf` named so still lives. */
export async function lives(identity: string): Promise<boolean> {
  const [pid = ''] = identity.split(' ')
  return (await identityOf(Number(pid))) === identity.trim()
}
