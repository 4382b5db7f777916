import { readFile } from 'node:fs/promises'
import { messageOf, UserError } from '../../errors.ts'
import { type StateFile, stateFile } from '../../supervision.ts'

/** Null when there is none: nothing of the stack runs. Throws a UserError when it cannot be read. */
export async function readStateFile(path: string): Promise<StateFile | null> {
  try {
    return stateFile.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new UserError(`could not read ${path}: ${messageOf(error)}`, {
      hint: `It says how to reach the running stack. If nothing of it runs any more, remove it: rm ${path}`,
      cause: error,
    })
  }
}
