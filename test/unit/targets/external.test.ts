import { once } from 'node:events'
import { type RequestListener, type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Endpoint, EndpointName } from '../../../src/stack/stack.ts'
import { externalTarget } from '../../../src/targets/external/external.ts'
import { stackOf } from './stacks.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function stackWith(
  endpoints: Partial<Record<EndpointName, Partial<Endpoint> & Pick<Endpoint, 'url' | 'protocol'>>>,
) {
  const stack = stackOf('\n  embed: { model: BAAI/bge-small-en-v1.5 }')
  return { ...stack, target: 'external' as const, endpoints: endpoints as typeof stack.endpoints }
}

describe('an external stack', () => {
  it('is observed by asking each endpoint for what its protocol has', async () => {
    const asked: string[] = []
    const url = await serve((request, response) => {
      asked.push(request.url ?? '')
      response.end('{}')
    })
    const target = externalTarget({})
    const observed = await target.observe(
      stackWith({
        embed: { url, protocol: 'tei' },
        vector: { url, protocol: 'qdrant' },
        generate: { url: `${url}/v1`, protocol: 'openai' },
        pipeline: { url: `${url}/ask`, protocol: 'http' },
      }),
    )
    expect(asked.sort((a, b) => a.localeCompare(b))).toEqual([
      '/ask',
      '/collections',
      '/health',
      '/v1/models',
    ])
    expect(observed.running).toBe(true)
    expect(observed.replicas.every(({ state }) => state === 'healthy')).toBe(true)
    expect(target.endpoints(observed)).toMatchObject({ embed: [url], pipeline: [`${url}/ask`] })
    expect(target.plan(stackWith({}), observed)).toEqual([])
  })

  it('is unhealthy where nobody listens, a key is refused or the server fails, each in words', async () => {
    const refuses = await serve((_, response) => response.writeHead(401).end())
    const fails = await serve((_, response) => response.writeHead(500).end())
    const nobody = await serve(() => {})
    servers.at(-1)?.close()
    const { replicas, running } = await externalTarget({ KEY: 'k' }).observe(
      stackWith({
        embed: { url: nobody, protocol: 'tei' },
        vector: { url: refuses, protocol: 'qdrant', apiKeyEnv: 'KEY' },
        generate: { url: fails, protocol: 'openai' },
      }),
    )
    expect(running).toBe(false)
    expect(replicas.map(({ because }) => because)).toEqual([
      expect.stringContaining('refused'),
      'it answered 401: the key is missing or wrong',
      'GET /v1/models answered 500',
    ])
  })

  it('is asked with its key and its headers', async () => {
    let headers: Record<string, unknown> = {}
    const url = await serve((request, response) => {
      headers = request.headers
      response.end('{}')
    })
    const endpoint = { url, protocol: 'qdrant' as const, apiKeyEnv: 'KEY', headersEnv: { 'x-team': 'TEAM' } }
    await externalTarget({ KEY: 'secret', TEAM: 'search' }).observe(stackWith({ vector: endpoint }))
    expect(headers).toMatchObject({ 'api-key': 'secret', 'x-team': 'search' })
  })
})
