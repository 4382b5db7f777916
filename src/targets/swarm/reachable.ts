/** Whether what a balancer stands before can be reached through it yet. */
import { setTimeout as sleep } from 'node:timers/promises'

const everyMs = 500
const withinMs = 30_000

/** What a balancer answers in place of whom it does not find. */
const nobodyThere = [502, 503, 504]

/**
 * A swarm tells a replica's address only when the replica is healthy, and a balancer asks for addresses every few
 * seconds: so for some seconds after all are healthy it still finds nobody.
 * @param urls any path of each tier
 * @returns those that nobody answered for in time
 */
export async function untilReachable(urls: readonly string[], signal: AbortSignal): Promise<string[]> {
  const until = performance.now() + withinMs
  for (let left = [...urls]; ;) {
    const answered = await Promise.all(left.map(async (url) => await isReached(url)))
    left = left.filter((_, index) => answered[index] === false)
    if (left.length === 0 || performance.now() > until) return left
    await sleep(everyMs, undefined, { signal })
  }
}

async function isReached(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5_000) })
    await response.body?.cancel()
    return !nobodyThere.includes(response.status)
  } catch {
    return false
  }
}
