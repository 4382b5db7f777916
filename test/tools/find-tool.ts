import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ToolName } from './tools.ts'

/** Of the checkout: what `npm run tools` downloads and builds. */
export const cacheFolder = fileURLToPath(new URL('../../.cache/tools', import.meta.url))
export const binFolder = join(cacheFolder, 'bin')

/** Debian keeps servers, and what connects containers, where an ordinary user's PATH does not look. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/lib/cni']

/** Absolute path of a program, or null: first what the checkout has fetched itself, then the machine's own. */
export async function findTool(name: ToolName): Promise<string | null> {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  for (const folder of [binFolder, ...onPath, ...systemFolders]) {
    const path = join(folder, name)
    if (await isProgram(path)) return path
  }
  return null
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
