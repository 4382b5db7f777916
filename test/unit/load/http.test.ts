import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callerOf, withoutSecrets } from '../../../src/load/http.ts'

let proxy: Server
let proxyUrl: string
let asked: (string | undefined)[]

beforeAll(async () => {
  // Answers for every host, as no network here could.
  proxy = createServer((request, response) => {
    asked.push(request.url)
    request.resume()
    response.writeHead(200).end('by the proxy')
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
})
beforeEach(() => {
  asked = []
})
afterAll(() => void proxy.close())

async function call(url: string, env: Record<string, string>): Promise<string> {
  const caller = await callerOf({ urls: [url], protocol: 'tei' }, env)
  try {
    return (await caller.call('/health', { timeoutMs: 5_000 })).text
  } finally {
    await caller.close()
  }
}

describe('a call beforehand', () => {
  it.each(['HTTP_PROXY', 'http_proxy'])('goes by the proxy of %s, as those of the test do', async (name) => {
    expect(await call('http://tei.example.invalid', { [name]: proxyUrl })).toBe('by the proxy')
    expect(asked).toEqual(['http://tei.example.invalid/health'])
  })

  it('goes straight to this machine, and to what NO_PROXY names', async () => {
    await call(proxyUrl, { HTTP_PROXY: 'http://127.0.0.1:1' })
    expect(asked).toEqual(['/health'])
    const env = { HTTP_PROXY: proxyUrl, NO_PROXY: 'example.invalid' }
    await expect(call('http://tei.example.invalid', env)).rejects.toThrow()
    expect(asked).toHaveLength(1)
  })

  it('takes the proxy of http for http alone', async () => {
    await expect(call('https://tei.example.invalid', { HTTP_PROXY: proxyUrl })).rejects.toThrow()
    expect(asked).toEqual([])
  })
})

describe('what a server says', () => {
  it('is shown without the secrets in it, of which one may hold another', () => {
    expect(withoutSecrets('key abc-def, abc', ['abc-def', 'abc'])).toBe('key ***, ***')
  })
})
