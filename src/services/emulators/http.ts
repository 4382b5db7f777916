/**
 * What the emulators share of HTTP, straight on node:http: their own work must stay small beside the time
 * that they model.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly body: Buffer
  /** The URL's path and its query, without the question mark. */
  readonly path: string
  readonly query: string
}

export type Handler = (exchange: Exchange) => void | Promise<void>

/** Handlers by method and path, as in `POST /embed`. */
export type Routes = Readonly<Record<string, Handler>>

export interface Listening {
  readonly port: number
  /** Stops accepting, lets what is in flight end within `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>
}

export interface ListenOptions {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly maxBodyBytes: number
  /** Answers what no route does: an unknown path, or a known one with another method. */
  readonly unknown: (exchange: Exchange, knownPath: boolean) => void
  /** Answers a body that is too large. */
  readonly tooLarge: (response: ServerResponse) => void
  /** Answers when a handler threw. */
  readonly failed: (response: ServerResponse, error: unknown) => void
}

/** Rejects with what is wrong in words when the address cannot be had. */
export async function listen(routes: Routes, options: ListenOptions): Promise<Listening> {
  const paths = new Set(Object.keys(routes).map((route) => route.slice(route.indexOf(' ') + 1)))
  const server = createServer((request, response) => {
    readBody(request, options.maxBodyBytes, (body) => {
      if (body === undefined) {
        response.setHeader('connection', 'close')
        options.tooLarge(response)
        return
      }
      const [path = '/', query = ''] = (request.url ?? '/').split('?', 2)
      const exchange: Exchange = { request, response, body, path, query }
      const handler = routes[`${request.method} ${path}`]
      if (handler === undefined) {
        options.unknown(exchange, paths.has(path))
        return
      }
      const onError = (error: unknown) => {
        if (response.headersSent) response.destroy()
        else options.failed(response, error)
      }
      try {
        const answered = handler(exchange)
        if (answered !== undefined) answered.catch(onError)
      } catch (error) {
        onError(error)
      }
    })
  })
  // A pooled connection may rest for as long as its client likes: closing it would race with the next request.
  server.keepAliveTimeout = 0
  server.requestTimeout = 0
  server.headersTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(whyNotListening(error, options), { cause: error })),
    )
    server.listen({ host: options.host, port: options.port, backlog: 4096 }, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: async (graceMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      // A connection whose last answer has gone out is idle too, and its client may keep it for ever.
      const idle = setInterval(() => server.closeIdleConnections(), 20)
      const cut = setTimeout(() => server.closeAllConnections(), graceMs)
      await closed
      clearInterval(idle)
      clearTimeout(cut)
    },
  }
}

function whyNotListening(error: NodeJS.ErrnoException, { host, port }: ListenOptions): string {
  if (error.code === 'EADDRINUSE') return `port ${port} on ${host} is in use`
  if (error.code === 'EADDRNOTAVAIL') return `${host} is not an address of this machine`
  return `could not listen on ${host}:${port}: ${error.message}`
}

function readBody(
  request: IncomingMessage,
  maxBytes: number,
  onBody: (body: Buffer | undefined) => void,
): void {
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= maxBytes) chunks.push(chunk)
  })
  request.on('end', () => {
    if (bytes > maxBytes) onBody(undefined)
    else onBody(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))
  })
  // A client that goes away in the middle of its body has nobody to answer.
  request.on('error', () => undefined)
}

/** Answers with text that is JSON already. */
export function sendJson(
  response: ServerResponse,
  status: number,
  json: string,
  headers?: Record<string, string>,
): void {
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(json),
  })
  response.end(json)
}

export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

/** Calls back once when the client has gone before its answer was complete. */
export function onAbort(response: ServerResponse, listener: () => void): void {
  response.once('close', () => {
    if (!response.writableFinished) listener()
  })
}
