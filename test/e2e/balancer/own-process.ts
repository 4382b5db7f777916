/** What a balancer does that needs a process of its own: a canary's share, and a stop. */
import { Agent } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findTool } from '../../tools/find-tool.ts'
import { howToGet } from '../../tools/tools.ts'
import { ask, open } from './asking.ts'
import { choosePlaces, startBalancer } from './balancer-process.ts'
import { type DnsServer, startDnsServer } from './dns-server.ts'
import { startReplica } from './replica.ts'
import { type Software, softwareOf } from './software.ts'

const patience = { timeout: 15_000, interval: 50 }

export function splitsAndStops(software: Software, program: string): void {
  let dns: DnsServer

  beforeAll(async () => {
    dns = await startDnsServer()
  })
  afterAll(() => dns.close())

  test('sends a canary its share of the requests', async () => {
    const own = await choosePlaces()
    const started = await Promise.all(
      ['127.0.2.1', '127.0.2.2', '127.0.2.3'].map((address) => startReplica(address, own.embed.replicas)),
    )
    dns.set('embed', ['127.0.2.1', '127.0.2.2'])
    dns.set('embed-next', ['127.0.2.3'])
    const split = await startBalancer(software, program, dns.port, own, { tier: 'embed', share: 25 })
    try {
      const embed = `http://127.0.0.1:${own.embed.listen}/embed`
      await expect
        .poll(async () => {
          await ask(embed, '{}')
          return started.every(({ received }) => received.length > 0)
        }, patience)
        .toBe(true)
      for (const replica of started) replica.received.length = 0
      for (let request = 0; request < 400; request++) await ask(embed, '{}')
      // By its name, whatever the share; and it is said which release answered.
      for (const [release, addresses] of [
        ['current', ['127.0.2.1', '127.0.2.2']],
        ['next', ['127.0.2.3']],
      ] as const) {
        const answer = await ask(embed, '{}', { headers: { 'x-ragscale-release': release } })
        expect(addresses).toContain(answer.body)
        expect(answer.release).toBe(release)
      }
      const canary = (started[2]?.received.length ?? 1) - 1
      // 100 of 400, give or take 4.6 standard deviations.
      expect(canary).toBeGreaterThan(60)
      expect(canary).toBeLessThan(140)
    } finally {
      await split.close()
      await Promise.all(started.map((replica) => replica.kill()))
    }
  })

  const { component } = softwareOf[software]
  const reloads = component.reload !== undefined
  // Rollouts refuse a balancer that cannot: nothing to show, rather than something skipped.
  if (reloads)
    test('shifts shares while it runs: no request is lost, kept connections and streams included', async (context) => {
      const lacks = component.reload?.prepare !== undefined && (await findTool('nc')) === null
      context.skip(lacks, `NOT CHECKED, nc is missing: ${howToGet('nc')}`)
      const own = await choosePlaces()
      const [current, next] = await Promise.all(
        ['127.0.2.1', '127.0.2.2'].map((address) => startReplica(address, own.embed.replicas)),
      )
      const streaming = await startReplica('127.0.2.1', own.generate.replicas)
      dns.set('embed', ['127.0.2.1'])
      dns.set('embed-next', ['127.0.2.2'])
      dns.set('generate', ['127.0.2.1'])
      const split = await startBalancer(software, program, dns.port, own, { tier: 'embed', share: 0 })
      const agent = new Agent({ keepAlive: true, maxSockets: 8 })
      try {
        const embed = `http://127.0.0.1:${own.embed.listen}/embed`
        const chat = `http://127.0.0.1:${own.generate.listen}/v1/chat/completions`
        const named = (release: string) => ask(embed, '{}', { headers: { 'x-ragscale-release': release } })
        await expect.poll(async () => (await named('current')).body, patience).toBe('127.0.2.1')
        await expect.poll(async () => (await named('next')).body, patience).toBe('127.0.2.2')
        await expect.poll(async () => (await ask(chat, '{}')).status, patience).toBe(200)

        let finish: () => void = () => {}
        streaming.behave((_, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n')
          finish = () => response.end('data: last\n\n')
        })
        const stream = await open(chat, '{}')

        const lost: string[] = []
        const stopping = new AbortController()
        // One in two keeps its connection, as load tests and gateways do.
        const user = async (index: number): Promise<void> => {
          while (!stopping.signal.aborted) {
            const kept = index % 2 === 0 ? { agent } : {}
            const { status, body } = await ask(embed, '{}', kept).catch((error: unknown) => ({
              status: 0,
              body: String(error),
            }))
            if (status !== 200) lost.push(`${status} ${body}`)
          }
        }
        const users = Array.from({ length: 8 }, (_, index) => user(index))
        for (const share of [5, 50, 100, 0, 100]) {
          await split.shift({ tier: 'embed', share })
          await sleep(400)
        }
        // The one before may still be answering what it was asked on a kept connection.
        await expect
          .poll(async () => {
            if (current !== undefined) current.received.length = 0
            await sleep(300)
            return current?.received.length
          }, patience)
          .toBe(0)
        stopping.abort()
        await Promise.all(users)
        expect(lost).toEqual([])
        expect(next?.received.length).toBeGreaterThan(0)
        finish()
        expect(await text(stream)).toBe('data: first\n\ndata: last\n\n')
      } finally {
        agent.destroy()
        await split.close()
        await Promise.all([current, next, streaming].map(async (replica) => await replica?.kill()))
      }
    })

  test('lets a stream end that it was passing on when it was stopped, takes no more, and ends', async () => {
    const own = await choosePlaces()
    const replica = await startReplica('127.0.2.1', own.generate.replicas)
    dns.set('generate', [replica.address])
    const ending = await startBalancer(software, program, dns.port, own)
    try {
      const chat = `http://127.0.0.1:${own.generate.listen}/v1/chat/completions`
      await expect.poll(async () => (await ask(chat, '{}').catch(() => null))?.status, patience).toBe(200)
      let finish: () => void = () => {}
      replica.behave(({ body }, response) => {
        if (body !== 'stream') {
          response.end()
          return
        }
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n')
        finish = () => response.end('data: last\n\n')
      })
      const stream = await open(chat, 'stream')
      const tokens: string[] = []
      for await (const chunk of stream.setEncoding('utf8')) {
        tokens.push(String(chunk))
        if (tokens.length > 1) continue
        ending.stop()
        await expect
          .poll(
            () =>
              ask(chat, '{}').then(
                () => 'taken',
                () => 'refused',
              ),
            patience,
          )
          .toBe('refused')
        finish()
      }
      expect(tokens.join('')).toBe('data: first\n\ndata: last\n\n')
      expect(await ending.ended).not.toBeNull()
    } finally {
      await ending.close()
      await replica.kill()
    }
  })
}
