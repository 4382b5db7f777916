import type { RequestListener } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { balancerOver, cleanUp, deadUrl, serverOf, until, upstreamsOf } from './fixture.ts'

afterEach(cleanUp)

/** Holds every request until it is let go, and counts. */
function holding(): { listener: RequestListener; held: (() => void)[]; seen: () => number } {
  const held: (() => void)[] = []
  let seen = 0
  return {
    held,
    seen: () => seen,
    listener: (_request, response) => {
      seen++
      held.push(() => response.end('done'))
    },
  }
}

describe('least connections', () => {
  it('keeps the requests in flight of all replicas within one of each other', async () => {
    const replicas = [holding(), holding(), holding()]
    const urls = await Promise.all(replicas.map(async ({ listener }) => (await serverOf(listener)).url))
    const { url } = await balancerOver(urls)
    const answers = Array.from({ length: 10 }, () => fetch(url))
    await until(() => replicas.reduce((sum, replica) => sum + replica.seen(), 0) === 10)
    expect(replicas.map((replica) => replica.seen()).sort((a, b) => a - b)).toEqual([3, 3, 4])
    for (const replica of replicas) for (const letGo of replica.held) letGo()
    await Promise.all(answers)
  })

  it('gives a new request to the replica that has become free', async () => {
    const slow = holding()
    const quick = holding()
    const urls = [(await serverOf(slow.listener)).url, (await serverOf(quick.listener)).url]
    const { url, state } = await balancerOver(urls)
    const answers = [fetch(url), fetch(url)]
    await until(() => slow.seen() === 1 && quick.seen() === 1)
    for (let round = 2; round <= 6; round++) {
      quick.held.at(-1)?.()
      await until(async () => (await state()).upstreams.some((upstream) => upstream.inFlight === 0))
      answers.push(fetch(url))
      await until(() => slow.seen() + quick.seen() === round + 1)
    }
    expect(slow.seen()).toBe(1)
    expect(quick.seen()).toBe(6)
    for (const letGo of [...slow.held, ...quick.held]) letGo()
    await Promise.all(answers)
  })

  it('uses idle replicas in turn', async () => {
    const counts = [0, 0, 0]
    const servers = await Promise.all(
      counts.map(async (_, index) => {
        return (await serverOf((_request, response) => response.end(String(counts[index]!++)))).url
      }),
    )
    const { url } = await balancerOver(servers)
    for (let request = 0; request < 9; request++) await (await fetch(url)).text()
    expect(counts).toEqual([3, 3, 3])
  })
})

describe('round robin', () => {
  it('gives each replica every n-th request, however busy it is', async () => {
    const replicas = [holding(), holding()]
    const urls = await Promise.all(replicas.map(async ({ listener }) => (await serverOf(listener)).url))
    const { url } = await balancerOver(urls, { policy: 'round-robin' })
    const answers: Promise<Response>[] = []
    for (let request = 1; request <= 8; request++) {
      answers.push(fetch(url))
      await until(() => replicas[0]!.seen() + replicas[1]!.seen() === request)
      if (request % 2 === 0) replicas[1]!.held.at(-1)?.()
    }
    expect(replicas.map((replica) => replica.seen())).toEqual([4, 4])
    for (const letGo of replicas[0]!.held) letGo()
    await Promise.all(answers)
  })
})

describe('random', () => {
  const orderOf = async (seed: number): Promise<string> => {
    const order: number[] = []
    const urls = await Promise.all(
      [1, 2, 3].map(
        async (replica) => (await serverOf((_, response) => response.end(`${order.push(replica)}`))).url,
      ),
    )
    const { url } = await balancerOver(urls, { policy: 'random', seed })
    for (let request = 0; request < 60; request++) await (await fetch(url)).text()
    return order.join('')
  }

  it('draws the same order from the same seed, and reaches every replica', async () => {
    const order = await orderOf(7)
    expect(await orderOf(7)).toBe(order)
    expect(await orderOf(8)).not.toBe(order)
    for (const replica of ['1', '2', '3']) expect(order.split(replica).length - 1).toBeGreaterThan(8)
  })
})

describe('a replica that is not there', () => {
  it('is passed over, and no request is lost, bodies included', async () => {
    const alive = await serverOf((request, response) => request.pipe(response))
    const { url, state } = await balancerOver([await deadUrl(), alive.url, await deadUrl()])
    for (let request = 0; request < 12; request++) {
      const answer = await fetch(url, { method: 'POST', body: `body ${request}` })
      expect([answer.status, await answer.text()]).toEqual([200, `body ${request}`])
    }
    const { upstreams } = await state()
    expect(upstreams.map((upstream) => upstream.served)).toEqual([0, 12, 0])
    // It rests after a refusal: not every request asks it again.
    expect(upstreams[0]!.failed + upstreams[2]!.failed).toBeLessThan(12)
  })

  it('makes a 503 in JSON that names it when there is no other', async () => {
    const { url } = await balancerOver([await deadUrl()])
    const answer = await fetch(url, { method: 'POST', body: 'x' })
    expect(answer.status).toBe(503)
    expect(await answer.json()).toEqual({
      error: { code: 'no_upstream', message: 'no replica accepts a connection: embed-1' },
    })
  })

  it('makes a 503 in JSON when none is configured', async () => {
    const { url } = await balancerOver([])
    const answer = await fetch(url)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toEqual({ error: { code: 'no_upstream', message: 'no replica is up' } })
  })

  it('is used again as soon as it is back', async () => {
    const url = await deadUrl()
    const rig = await balancerOver([url])
    expect((await fetch(rig.url)).status).toBe(503)
    const { createServer } = await import('node:http')
    const server = createServer((_, response) => response.end('back')).listen(
      Number(new URL(url).port),
      '127.0.0.1',
    )
    await until(() => server.listening)
    expect(await (await fetch(rig.url)).text()).toBe('back')
    server.closeAllConnections()
    server.close()
  })
})

describe('backpressure', () => {
  it.each([429, 503])('passes %i through and goes on using the replica', async (status) => {
    let full = true
    const replica = await serverOf((_, response) => {
      response.writeHead(full ? status : 200, { 'retry-after': '1' })
      response.end('{"error":"overloaded"}')
    })
    const { url } = await balancerOver([replica.url])
    const answer = await fetch(url)
    expect([answer.status, answer.headers.get('retry-after'), await answer.text()]).toEqual([
      status,
      '1',
      '{"error":"overloaded"}',
    ])
    full = false
    expect((await fetch(url)).status).toBe(200)
  })
})

describe('reconfiguring', () => {
  it('sends nothing more to a replica that left, lets its requests end, and then forgets it', async () => {
    const leaving = holding()
    const staying = holding()
    const urls = [(await serverOf(leaving.listener)).url, (await serverOf(staying.listener)).url]
    const { url, balancer, state } = await balancerOver(urls)
    const answers = [fetch(url), fetch(url)]
    await until(() => leaving.seen() === 1 && staying.seen() === 1)

    await balancer.reconfigure?.({ upstreams: upstreamsOf(urls).slice(1) })
    answers.push(fetch(url), fetch(url))
    await until(() => staying.seen() === 3)
    expect(leaving.seen()).toBe(1)
    expect((await state()).upstreams).toMatchObject([
      { name: 'embed-2', inFlight: 3, draining: false },
      { name: 'embed-1', inFlight: 1, draining: true },
    ])

    leaving.held[0]?.()
    await until(async () => (await state()).upstreams.length === 1)
    for (const letGo of staying.held) letGo()
    expect((await Promise.all(answers)).map((answer) => answer.status)).toEqual([200, 200, 200, 200])
  })

  it('keeps the counts of a replica that stays and takes up a new one', async () => {
    const first = await serverOf((_, response) => response.end('1'))
    const second = await serverOf((_, response) => response.end('2'))
    const { url, balancer, state } = await balancerOver([first.url])
    await (await fetch(url)).text()
    await balancer.reconfigure?.({ policy: 'round-robin', upstreams: upstreamsOf([first.url, second.url]) })
    const answers = await Promise.all([fetch(url), fetch(url)])
    expect((await Promise.all(answers.map((answer) => answer.text()))).sort()).toEqual(['1', '2'])
    expect((await state()).upstreams.map((upstream) => upstream.served)).toEqual([2, 1])
  })

  it('refuses a configuration that is not one and stays as it was', async () => {
    const replica = await serverOf((_, response) => response.end('here'))
    const { url, balancer } = await balancerOver([replica.url])
    await expect(
      async () => await balancer.reconfigure?.({ upstreams: [{ name: 'x', url: 'nowhere' }] }),
    ).rejects.toThrow()
    expect(await (await fetch(url)).text()).toBe('here')
  })
})
