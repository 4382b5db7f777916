import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import { wantedProcess } from '../../supervision.ts'
import type { Supervisor } from './supervisor.ts'

const maxBodyBytes = 2 ** 20
const stopBody = z.object({ graceMs: z.number().nonnegative() })

export interface Control {
  readonly port: number
  close(): void
}

/**
 * The supervisor over loopback HTTP, for whoever holds the token:
 * `GET /status`, `GET /samples?since=<sequence>`, `PUT /processes/<id>`, `DELETE /processes/<id>`, `POST /stop`.
 * A `DELETE` is answered when the process is gone, a `POST /stop` at once.
 */
export async function startControl(
  supervisor: Supervisor,
  token: string,
  onStop: (graceMs: number) => void,
): Promise<Control> {
  const expected = Buffer.from(`Bearer ${token}`)
  const server = createServer((request, response) => {
    const given = Buffer.from(request.headers.authorization ?? '')
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      answer(response, 401, { error: 'the token is missing or wrong' })
      return
    }
    route(supervisor, request, onStop).then(
      ([status, body]) => answer(response, status, body),
      (error: unknown) =>
        answer(response, 400, { error: error instanceof Error ? error.message : String(error) }),
    )
  })
  server.requestTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      server.closeIdleConnections()
    },
  }
}

async function route(
  supervisor: Supervisor,
  request: IncomingMessage,
  onStop: (graceMs: number) => void,
): Promise<[status: number, body: unknown]> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const id = /^\/processes\/([a-z][a-z0-9-]*)$/.exec(url.pathname)?.[1]
  switch (`${request.method} ${id === undefined ? url.pathname : '/processes'}`) {
    case 'GET /status':
      return [200, supervisor.status()]
    case 'GET /samples': {
      const since = url.searchParams.get('since')
      return [200, supervisor.samples(since === null ? null : Number(since))]
    }
    case 'PUT /processes': {
      const wanted = wantedProcess.parse(await bodyOf(request))
      if (wanted.id !== id) return [400, { error: `the process is called ${wanted.id}, not ${id}` }]
      supervisor.want(wanted)
      return [200, {}]
    }
    case 'DELETE /processes': {
      const { graceMs } = stopBody.parse(await bodyOf(request))
      await supervisor.remove(id ?? '', graceMs)
      return [200, {}]
    }
    case 'POST /stop': {
      const { graceMs } = stopBody.parse(await bodyOf(request))
      onStop(graceMs)
      return [202, {}]
    }
    default:
      return [404, { error: `there is no ${request.method} ${url.pathname}` }]
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > maxBodyBytes) throw new Error('the body is too large')
    parts.push(part)
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8'))
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
