import { once } from 'node:events'
import { type RequestListener, type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BalancerState } from '../../../../src/services/balancer/server.ts'
import { startBalancer } from '../../../../src/services/balancer/server.ts'
import type { RunningService } from '../../../../src/services/process.ts'

export interface Rig {
  readonly url: string
  readonly balancer: RunningService
  readonly state: () => Promise<BalancerState>
}

const cleanups: (() => Promise<void> | void)[] = []

/** Call from `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
}

/** A real HTTP server on a free loopback port; gone after the test. */
export async function serverOf(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

/** A URL on which nothing listens. */
export async function deadUrl(): Promise<string> {
  const { url, server } = await serverOf(() => {})
  server.close()
  await once(server, 'close')
  return url
}

export function upstreamsOf(urls: readonly string[]): { name: string; url: string }[] {
  return urls.map((url, index) => ({ name: `embed-${index + 1}`, url }))
}

export async function balancerOver(urls: readonly string[], config: object = {}): Promise<Rig> {
  const balancer = await startBalancer({ upstreams: upstreamsOf(urls), ...config })
  cleanups.push(() => balancer.close(0))
  const url = `http://127.0.0.1:${balancer.port}`
  return {
    url,
    balancer,
    state: async () => (await (await fetch(`${url}/__ragscale/balancer`)).json()) as BalancerState,
  }
}

/** Resolves once `condition` holds; the test's own timeout ends it otherwise. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}
