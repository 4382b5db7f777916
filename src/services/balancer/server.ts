import { type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { RunningService } from '../process.ts'
import { type BalancerConfig, balancerConfigSchema } from './config.ts'
import { Exchange } from './exchange.ts'
import { type UpstreamState, Upstreams } from './upstreams.ts'

/** Answered by the balancer itself; every other path belongs to the upstreams. */
export const statePath = '/__ragscale/balancer'

export interface BalancerState {
  readonly policy: BalancerConfig['policy']
  /** Of 100 requests that name no release, how many go to the next one. */
  readonly share: number
  readonly upstreams: readonly UpstreamState[]
}

/** Starts a balancer. The error of a port in use is Node's own, `EADDRINUSE`. */
export async function startBalancer(input: unknown): Promise<RunningService> {
  let config = balancerConfigSchema.parse(input)
  const upstreams = new Upstreams(config)
  const server = createServer((request, response) => {
    if (request.url === statePath)
      sendState(response, { policy: config.policy, share: config.share, upstreams: upstreams.states() })
    else new Exchange(upstreams, request, response).attempt()
  })
  // Longer than any client keeps an idle connection: who closes second never loses a request to it.
  server.keepAliveTimeout = 120_000
  // A slow upload is the client's affair; only its head is waited for.
  server.requestTimeout = 0
  server.listen(config.port, config.host)
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    reconfigure: (next) => {
      config = balancerConfigSchema.parse(next)
      upstreams.reconfigure(config)
    },
    close: async (graceMs) => {
      const closed = once(server, 'close')
      server.close()
      // A connection that falls idle only now would be kept alive; what is in flight ends first.
      const idle = setInterval(() => server.closeIdleConnections(), 20)
      const late = setTimeout(() => server.closeAllConnections(), graceMs)
      await closed
      clearInterval(idle)
      clearTimeout(late)
      await upstreams.destroy()
    },
  }
}

function sendState(response: ServerResponse, state: BalancerState): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(state))
}
