/** Users of a tier while it is rolled out: each asks again as soon as it was answered. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface Users {
  /** Stops asking, waits for what is in flight, and says what came back: status → how often; 0: no answer. */
  stop(): Promise<Map<number, number>>
}

const pauseMs = 50

/** `count` users of an embedder. */
export function askingUsers(url: string, count: number): Users {
  const statuses = new Map<number, number>()
  const stopping = new AbortController()
  const user = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const status = await embed(url)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      await sleep(pauseMs)
    }
  }
  const users = Array.from({ length: count }, user)
  return {
    stop: async () => {
      stopping.abort()
      await Promise.all(users)
      return statuses
    },
  }
}

async function embed(url: string): Promise<number> {
  try {
    const response = await fetch(`${url}/embed`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: 'How many replicas does this need?' }),
    })
    await response.arrayBuffer()
    return response.status
  } catch {
    return 0
  }
}
