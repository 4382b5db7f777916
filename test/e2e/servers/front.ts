/**
 * What stands before somebody's servers: a reverse proxy that wants headers, speaks TLS, asks for a client's
 * certificate, or sends elsewhere. It repeats what it refuses, as some do, so that a secret could leak.
 */
import { createServer, request as call } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface FrontConfig {
  readonly upstream: string
  /** Header → the only value that is let through. */
  readonly wants?: Readonly<Record<string, string>>
  /** PEM; `clients`: the authority that a client's certificate must come from. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clients?: string }
  /** Everything is answered with a redirect to this. */
  readonly redirect?: string
}

export type ToServer = { type: 'configure'; config: FrontConfig } | { type: 'seen' }
export type FromServer =
  | { type: 'listening'; port: number }
  | { type: 'seen'; connections: number; requests: number }

let config: FrontConfig
let connections = 0
let requests = 0

function refusal({ headers }: IncomingMessage): object | null {
  for (const [name, value] of Object.entries(config.wants ?? {})) {
    if (headers[name] !== value) return { error: `${name} is wrong`, got: headers[name] ?? null }
  }
  return null
}

const onRequest: RequestListener = (request, response) => {
  requests += 1
  if (config.redirect !== undefined) {
    request.resume()
    response.writeHead(308, { location: config.redirect }).end()
    return
  }
  const refused = refusal(request)
  if (refused !== null) {
    request.resume()
    response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify(refused))
    return
  }
  const { hostname, port } = new URL(config.upstream)
  const { method, url, headers } = request
  const onward = call({ hostname, port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  onward.on('error', () => response.writeHead(502).end())
  request.pipe(onward)
}

function listen(): void {
  const { tls } = config
  const server =
    tls === undefined
      ? createServer(onRequest)
      : createTlsServer(
          {
            cert: tls.cert,
            key: tls.key,
            ...(tls.clients === undefined
              ? {}
              : { ca: tls.clients, requestCert: true, rejectUnauthorized: true }),
          },
          onRequest,
        )
  server.on('connection', () => (connections += 1))
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ type: 'listening', port: (server.address() as AddressInfo).port } satisfies FromServer)
  })
}

process.on('message', (message: ToServer) => {
  if (message.type === 'seen') {
    process.send?.({ type: 'seen', connections, requests } satisfies FromServer)
    return
  }
  config = message.config
  listen()
})
process.on('disconnect', () => process.exit(0))
