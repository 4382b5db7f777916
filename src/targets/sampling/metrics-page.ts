/** The metrics page of a replica, over HTTP. */

const enough = 16 * 2 ** 20

/** Null where nobody answers in time, or with another status than 200: a replica that says nothing is no failure. */
export async function metricsPage(url: string, timeoutMs = 800): Promise<string | null> {
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'text/plain' },
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (!response.ok || Number(response.headers.get('content-length') ?? 0) > enough) {
      await response.body?.cancel()
      return null
    }
    return await response.text()
  } catch {
    return null
  }
}
