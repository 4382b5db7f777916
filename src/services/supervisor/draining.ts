import { get } from 'node:http'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

const pollMs = 25

/** Resolves once a balancer no longer holds a request for an upstream, or after `graceMs`. */
export async function drained(balancerPort: number, upstreamUrl: string, graceMs: number): Promise<void> {
  const deadlineMs = performance.now() + graceMs
  while (performance.now() < deadlineMs) {
    const urls = await upstreamUrls(balancerPort)
    // A balancer that does not answer holds nothing.
    if (urls === null || !urls.includes(upstreamUrl)) return
    await sleep(pollMs)
  }
}

async function upstreamUrls(port: number): Promise<string[] | null> {
  return await new Promise((resolve) => {
    const request = get(
      { host: '127.0.0.1', port, path: '/__ragscale/balancer', agent: false, timeout: 1_000 },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => (text += part))
        response.on('error', () => resolve(null))
        response.on('end', () => {
          const { upstreams } = JSON.parse(text) as { upstreams: { url: string }[] }
          resolve(upstreams.map(({ url }) => url))
        })
      },
    )
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(null))
  })
}
