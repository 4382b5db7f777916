import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, request } from 'node:http'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { endToEnd, endToEndOf } from '../../../../src/services/balancer/headers.ts'
import { balancerOver, cleanUp, serverOf, until } from './fixture.ts'

afterEach(cleanUp)

describe('streaming', () => {
  it('passes each piece of an answer on when it comes, not when the answer ends', async () => {
    let stream: ServerResponse | undefined
    const replica = await serverOf((_, response) => {
      stream = response.writeHead(200, { 'content-type': 'text/event-stream' })
      stream.flushHeaders()
    })
    const { url } = await balancerOver([replica.url])
    // The head arrives although nothing of the body was written.
    const answer = await fetch(url)
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
    for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: [DONE]\n\n']) {
      stream!.write(event)
      expect((await reader.read()).value).toBe(event)
    }
    stream!.end()
    expect((await reader.read()).done).toBe(true)
  })

  it('passes each piece of a request on when it comes', async () => {
    let incoming: IncomingMessage | undefined
    const replica = await serverOf((request, response) => {
      incoming = request
      request.on('end', () => response.end('all'))
    })
    const { url } = await balancerOver([replica.url])
    const upload = request(url, { method: 'POST' })
    const answered = once(upload, 'response')
    upload.write('first')
    await until(() => incoming !== undefined)
    expect(String((await once(incoming!, 'data'))[0])).toBe('first')
    upload.write('second')
    expect(String((await once(incoming!, 'data'))[0])).toBe('second')
    upload.end()
    const [response] = (await answered) as [IncomingMessage]
    expect(response.statusCode).toBe(200)
    response.resume()
  })

  it('holds the replica back when the client reads slowly', async () => {
    const total = 64 * 2 ** 20
    let written = 0
    const replica = await serverOf((_, response) => {
      const piece = Buffer.alloc(2 ** 20)
      const write = (): void => {
        while (written < total) {
          written += piece.length
          if (response.write(piece)) continue
          response.once('drain', write)
          return
        }
        response.end()
      }
      write()
    })
    const { url } = await balancerOver([replica.url])
    const [response] = (await once(request(url).end(), 'response')) as [IncomingMessage]
    response.pause()
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(written).toBeLessThan(total / 2)
    let received = 0
    for await (const piece of response) received += (piece as Buffer).length
    expect(received).toBe(total)
  })
})

describe('what is passed on', () => {
  it('is every header of both messages, repeated ones included, but those of one hop', async () => {
    let seen: string[] = []
    const replica = await serverOf((request, response) => {
      seen = request.rawHeaders
      response.writeHead(
        201,
        'Made',
        'Set-Cookie|a=1|Set-Cookie|b=2|Server-Timing|embed;dur=3|Connection|x-hop|X-Hop|gone|Content-Length|2'.split(
          '|',
        ),
      )
      response.end('ok')
    })
    const { url } = await balancerOver([replica.url])
    const [response] = (await once(
      request(url, {
        headers: {
          'X-Request-Id': '42',
          'Api-Key': 's',
          'X-Two': ['1', '2'],
          Connection: 'keep-alive, x-mine',
          'X-Mine': '1',
        },
      }).end(),
      'response',
    )) as [IncomingMessage]
    response.resume()
    expect(response.statusCode).toBe(201)
    expect(response.statusMessage).toBe('Made')
    expect(response.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(response.headers['server-timing']).toBe('embed;dur=3')
    expect(response.headers['x-hop']).toBeUndefined()
    const pairs = Array.from(
      { length: seen.length / 2 },
      (_, at) => `${seen[2 * at]?.toLowerCase()}: ${seen[2 * at + 1]}`,
    )
    expect(pairs).toEqual(expect.arrayContaining(['x-request-id: 42', 'api-key: s', 'x-two: 1', 'x-two: 2']))
    expect(pairs).toContain(`host: ${new URL(url).host}`)
    expect(pairs.filter((pair) => pair.startsWith('x-mine'))).toEqual([])
  })

  it('never includes a header of one hop, and loses no other', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/)
    const hop = ['connection', 'keep-alive', 'te', 'transfer-encoding', 'upgrade', 'trailer', 'expect']
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(name, fc.constantFrom(...hop)), name)), (pairs) => {
        const kept = endToEnd(pairs.flat(), undefined)
        expect(kept).toEqual(pairs.filter(([key]) => !hop.includes(key) && !key.startsWith('proxy-')).flat())
        const parsed = endToEndOf(Object.fromEntries(pairs.filter(([key]) => key !== 'connection')))
        expect(Object.keys(parsed).filter((key) => hop.includes(key))).toEqual([])
      }),
    )
  })

  it('is the method, the path and the query as they came', async () => {
    const replica = await serverOf((request, response) => response.end(`${request.method} ${request.url}`))
    const { url } = await balancerOver([replica.url])
    const answer = await fetch(`${url}/collections/a%20b/points?wait=true&x=%2F`, { method: 'DELETE' })
    expect(await answer.text()).toBe('DELETE /collections/a%20b/points?wait=true&x=%2F')
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
  })

  it('is an answer that comes before the whole request was read', async () => {
    const replica = await serverOf((_, response) => {
      response.writeHead(413, { 'content-length': '9' })
      response.end('too large')
    })
    const { url } = await balancerOver([replica.url])
    const answer = await fetch(url, { method: 'POST', body: Buffer.alloc(3 * 2 ** 20) })
    expect([answer.status, await answer.text()]).toEqual([413, 'too large'])
  })
})

describe('what goes wrong', () => {
  it('is a 502 that names the replica when it dies before answering, and the request is not sent again', async () => {
    let asked = 0
    const dies = (request: IncomingMessage) => {
      asked++
      request.socket.destroy()
    }
    const urls = [(await serverOf(dies)).url, (await serverOf(dies)).url]
    const { url, state } = await balancerOver(urls)
    const answer = await fetch(url, { method: 'POST', body: 'charge the card' })
    expect(answer.status).toBe(502)
    expect(await answer.json()).toMatchObject({ error: { code: 'upstream_failed', message: /^embed-1: / } })
    expect(asked).toBe(1)
    expect((await state()).upstreams.map((upstream) => upstream.inFlight)).toEqual([0, 0])
  })

  it('is a broken answer, not a short one, when the replica dies half-way', async () => {
    const replica = await serverOf((request, response) => {
      response.write('half')
      setTimeout(() => request.socket.destroy(), 20)
    })
    const { url } = await balancerOver([replica.url])
    const answer = await fetch(url)
    await expect(answer.text()).rejects.toThrow()
  })

  it('is a 504 when the replica does not answer in time', async () => {
    const replica = await serverOf(() => {})
    const { url } = await balancerOver([replica.url], { responseTimeoutMs: 50 })
    const answer = await fetch(url)
    expect(answer.status).toBe(504)
    expect(await answer.json()).toMatchObject({ error: { code: 'upstream_timeout' } })
  })

  it('reaches the replica when the client goes away', async () => {
    let incoming: IncomingMessage | undefined
    let aborted = false
    const replica = await serverOf((request, response) => {
      incoming = request
      response.on('close', () => (aborted = true))
      response.write('token')
    })
    const { url, state } = await balancerOver([replica.url])
    const leave = new AbortController()
    await fetch(url, { signal: leave.signal })
    expect(incoming).toBeDefined()
    leave.abort()
    await until(() => aborted)
    await until(async () => (await state()).upstreams[0]!.inFlight === 0)
  })

  it('leaves the balancer serving after a request that is not HTTP', async () => {
    const replica = await serverOf((_, response) => response.end('fine'))
    const { url } = await balancerOver([replica.url])
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.end('\u0000\u0001 nonsense\r\n\r\n')
    socket.resume()
    await once(socket, 'close')
    expect(await (await fetch(url)).text()).toBe('fine')
  })
})

describe('closing', () => {
  it('lets a request in flight end, and refuses new ones', async () => {
    let letGo: (() => void) | undefined
    const replica = await serverOf((_, response) => (letGo = () => response.end('late')))
    const { url, balancer } = await balancerOver([replica.url])
    const answer = fetch(url)
    await until(() => letGo !== undefined)
    const closed = balancer.close(10_000)
    await expect(fetch(url)).rejects.toThrow()
    letGo!()
    expect(await (await answer).text()).toBe('late')
    await closed
  })

  it('cuts what is still in flight when the grace is over', async () => {
    const replica = await serverOf(() => {})
    const { url, balancer } = await balancerOver([replica.url])
    const failed = expect(fetch(url)).rejects.toThrow()
    await new Promise((resolve) => setTimeout(resolve, 50))
    await balancer.close(20)
    await failed
  })
})
