import { findTool } from '../tools/find-tool.ts'
import { howToGet } from '../tools/tools.ts'

const needed = ['dockerd', 'docker', 'docker-compose', 'iptables', 'ip', 'busybox'] as const

/** Why no engine can be started on this machine, with what to do; null where it can. */
export async function whyNoEngine(): Promise<string | null> {
  if (process.platform !== 'linux')
    return `a Docker engine of one's own takes Linux, and this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'only root can start a Docker engine'
  const found = await Promise.all(needed.map(findTool))
  const missing = needed.filter((_, index) => found[index] === null)
  if (missing.length === 0) return null
  return `missing: ${missing.join(', ')}; get ${missing.map(howToGet).join(', ')}`
}
