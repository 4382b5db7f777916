/** A replica of a tier: an HTTP server on an address of its own, as a container has, that does what a test tells it. */
import { type IncomingMessage, type RequestListener, type ServerResponse, createServer } from 'node:http'
import { text } from 'node:stream/consumers'

export type Behaviour = (request: Received, response: ServerResponse) => void | Promise<void>

export interface Received {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly message: IncomingMessage
}

export interface Replica {
  readonly address: string
  /** What it was sent, health checks left out. */
  readonly received: Received[]
  /** Requests that it has not answered. */
  inFlight(): number
  behave(behaviour: Behaviour): void
  /** As a container that is killed: it stops listening and its connections break. */
  kill(): Promise<void>
}

export const answersItsAddress: Behaviour = ({ message }, response) => {
  response.end(message.socket.localAddress)
}

export async function startReplica(address: string, port: number): Promise<Replica> {
  const received: Received[] = []
  let behaviour = answersItsAddress
  let inFlight = 0
  const listener: RequestListener = (message, response) => {
    if (message.url === '/health' || message.url === '/readyz') {
      response.end()
      return
    }
    inFlight += 1
    response.once('close', () => (inFlight -= 1))
    void text(message).then(
      (body) => {
        const request = { method: message.method ?? '', path: message.url ?? '', body, message }
        received.push(request)
        return behaviour(request, response)
      },
      // The balancer went away in the middle of a request.
      () => response.destroy(),
    )
  }
  const server = createServer(listener)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, resolve)
  })
  return {
    address,
    received,
    inFlight: () => inFlight,
    behave: (next) => (behaviour = next),
    kill: async () => {
      if (!server.listening) return
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
