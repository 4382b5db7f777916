import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { type Release, releaseHeader, releases } from '../../catalog/releases.ts'
import { endToEnd, endToEndOf } from './headers.ts'
import type { Upstream, Upstreams } from './upstreams.ts'

type Controller = Dispatcher.DispatchController

/**
 * One request on its way through. Both bodies are streamed as they come. An upstream that refuses the
 * connection was never sent anything, so the next is tried; once a request has been sent, nobody but the
 * client may send it again, and a broken exchange is a 502.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #upstreams: Upstreams
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #headers: string[]
  readonly #tried = new Set<Upstream>()
  readonly #named: Release | undefined
  readonly #release: Release
  #upstream: Upstream | undefined
  #controller: Controller | undefined
  #clientGone = false

  constructor(upstreams: Upstreams, request: IncomingMessage, response: ServerResponse) {
    this.#upstreams = upstreams
    this.#request = request
    this.#response = response
    this.#named = releases.find((release) => release === request.headers[releaseHeader])
    this.#release = this.#named ?? upstreams.drawRelease()
    this.#headers = endToEnd(request.rawHeaders, request.headers.connection)
    response.on('close', () => {
      if (response.writableFinished) return
      this.#clientGone = true
      this.#controller?.abort(new Error('the client went away'))
    })
    // What ails the client's connection shows as the response's `close`.
    request.on('error', () => {})
  }

  attempt(): void {
    const upstream = this.#upstreams.choose(this.#tried, this.#release, this.#named !== undefined)
    if (upstream === undefined) {
      const message =
        this.#tried.size === 0
          ? `no replica${this.#named === undefined ? '' : ` of the ${this.#named} release`} is up`
          : `no replica accepts a connection: ${[...this.#tried].map((one) => one.name).join(', ')}`
      this.#refuse(503, 'no_upstream', message)
      return
    }
    this.#tried.add(upstream)
    this.#upstream = upstream
    this.#upstreams.begin(upstream)
    const { method, url } = this.#request
    upstream.pool.dispatch(
      {
        path: url ?? '/',
        method: method ?? 'GET',
        headers: this.#headers,
        body: hasBody(this.#request) ? this.#request : null,
      },
      this,
    )
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    if (this.#clientGone) controller.abort(new Error('the client went away'))
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: IncomingHttpHeaders,
    statusMessage?: string,
  ): void {
    const release = this.#upstreams.isSplit ? { [releaseHeader]: this.#upstream?.release } : {}
    this.#response.writeHead(status, statusMessage ?? '', { ...endToEndOf(headers), ...release })
    // A stream's head must not wait for its first event; an answer of known length leaves in one packet.
    if (headers['content-length'] === undefined) this.#response.flushHeaders()
    this.#response.on('drain', () => controller.resume())
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.#response.write(chunk)) controller.pause()
  }

  onResponseEnd(_controller: Controller, trailers: IncomingHttpHeaders): void {
    this.#end('served')
    for (const name in trailers) this.#response.addTrailers({ [name]: trailers[name] as string })
    this.#response.end()
  }

  onResponseError(_controller: Controller, error: Error): void {
    const upstream = this.#upstream
    const sent = this.#controller !== undefined
    this.#end('failed')
    if (this.#clientGone) return
    if (upstream !== undefined && !sent && isConnectError(error)) {
      this.#upstreams.rest(upstream)
      this.attempt()
      return
    }
    // The client must not take half an answer for a whole one.
    if (this.#response.headersSent) this.#response.destroy()
    else if (isTimeout(error))
      this.#refuse(504, 'upstream_timeout', `${upstream?.name} did not answer in time`)
    else this.#refuse(502, 'upstream_failed', `${upstream?.name}: ${error.message}`)
  }

  #end(outcome: 'served' | 'failed'): void {
    if (this.#upstream !== undefined) this.#upstreams.end(this.#upstream, outcome)
    this.#upstream = undefined
  }

  #refuse(status: number, code: string, message: string): void {
    const body = JSON.stringify({ error: { code, message } })
    this.#response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      // What is left of the request's body is not worth reading.
      ...(this.#request.complete ? {} : { connection: 'close' }),
    })
    this.#response.end(body)
  }
}

function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

function isConnectError(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return (
    code === 'ECONNREFUSED' ||
    code === 'ECONNRESET' ||
    code === 'EHOSTUNREACH' ||
    code === 'UND_ERR_CONNECT_TIMEOUT' ||
    code === 'UND_ERR_DESTROYED' ||
    code === 'UND_ERR_CLOSED'
  )
}

function isTimeout(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT'
}
