/** A few clients that ask without a pause, and know of each request when it was under way and what became of it. */
export interface Asked {
  readonly startedMs: number
  readonly endedMs: number
  /** Status of the answer, or what happened in place of one. */
  readonly outcome: number | string
}

export interface Asking {
  /** What has ended so far. */
  readonly asked: readonly Asked[]
  stop(): Promise<readonly Asked[]>
}

/** `clients` at a time; times are of `performance.now()`. */
export function keepAsking(url: string, body: () => unknown, clients = 4): Asking {
  const asked: Asked[] = []
  const stopping = new AbortController()
  const running = Array.from({ length: clients }, async () => {
    while (!stopping.signal.aborted) {
      const startedMs = performance.now()
      const outcome = await ask(url, body())
      asked.push({ startedMs, endedMs: performance.now(), outcome })
    }
  })
  return {
    asked,
    stop: async () => {
      stopping.abort()
      await Promise.all(running)
      return asked
    },
  }
}

/** Answers with the status, or with the name of what went wrong, also where the body breaks off. */
export async function ask(url: string, body: unknown): Promise<number | string> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    await response.arrayBuffer()
    return response.status
  } catch (error) {
    const cause = (error as Error).cause as { readonly code?: string } | undefined
    return cause?.code ?? (error as Error).message
  }
}
