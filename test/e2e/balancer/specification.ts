/** What every balancer does, whatever it is written in. */
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BalancedTier, balancedTiers } from '../../../src/catalog/container.ts'
import { ask, open } from './asking.ts'
import { type BalancerProcess, type Places, choosePlaces, startBalancer } from './balancer-process.ts'
import { type DnsServer, startDnsServer } from './dns-server.ts'
import { type Replica, answersItsAddress, startReplica } from './replica.ts'
import { type Software, softwareOf } from './software.ts'

const patience = { timeout: 15_000, interval: 50 }

/** How many replicas each tier has when the balancer starts. */
const counts = { gateway: 1, embed: 2, vector: 3, rerank: 3, generate: 1, worker: 2 } as const

/** Tests of one balancer process. Each uses a tier of its own where it breaks something. */
export function behavesAsABalancer(software: Software, program: string): void {
  let dns: DnsServer
  let places: Places
  let balancer: BalancerProcess
  const replicas = new Map<BalancedTier, Replica[]>()

  beforeAll(async () => {
    dns = await startDnsServer()
    places = await choosePlaces()
    for (const tier of balancedTiers) {
      const ports = Array.from({ length: counts[tier] }, (_, index) =>
        startReplica(`127.0.1.${index + 1}`, places[tier].replicas),
      )
      const started = await Promise.all(ports)
      replicas.set(tier, started)
      dns.set(
        tier,
        started.map(({ address }) => address),
      )
    }
    balancer = await startBalancer(software, program, dns.port, places)
  })
  afterAll(async () => {
    await Promise.all([...replicas.values()].flat().map((replica) => replica.kill()))
    await balancer.close()
    await dns.close()
  })

  function url(tier: BalancedTier): string {
    return `http://127.0.0.1:${places[tier].listen}`
  }

  /** The tier's replicas, when each has been asked; what they were sent until then is forgotten. */
  async function replicasOf(tier: BalancedTier): Promise<Replica[]> {
    const asked = replicas.get(tier) ?? []
    for (const replica of asked) replica.behave(answersItsAddress)
    await untilAsked(tier, asked)
    return asked
  }

  async function untilAsked(tier: BalancedTier, asked: readonly Replica[]): Promise<void> {
    await expect
      .poll(async () => {
        await ask(url(tier)).catch(() => null)
        return asked.every(({ received }) => received.length > 0)
      }, patience)
      .toBe(true)
    for (const replica of asked) replica.received.length = 0
  }

  test('passes each token on when it comes', async () => {
    const [replica] = await replicasOf('generate')
    const next: (() => void)[] = []
    replica?.behave(async (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const token of ['one', 'two', 'three']) {
        response.write(`data: ${token}\n\n`)
        // The next is sent only when the client has had this one.
        await new Promise<void>((resolve) => next.push(resolve))
      }
      response.end()
    })
    const stream = await open(`${url('generate')}/v1/chat/completions`, '{}')
    const tokens: string[] = []
    for await (const chunk of stream.setEncoding('utf8')) {
      tokens.push(String(chunk))
      next.shift()?.()
    }
    expect(tokens.join('')).toBe('data: one\n\ndata: two\n\ndata: three\n\n')
    expect(tokens).toHaveLength(3)
  })

  test('gives a request to the replica with the fewest in flight', async () => {
    const tier = await replicasOf('rerank')
    const held = new Map(tier.map((replica) => [replica, [] as (() => void)[]]))
    for (const replica of tier) {
      replica.behave((request, response) => {
        if (request.body !== 'hold') return answersItsAddress(request, response)
        held.get(replica)?.push(() => response.end())
      })
    }
    const rerank = `${url('rerank')}/rerank`
    const holding: Promise<unknown>[] = []
    const inFlight = (): number[] => tier.map((replica) => replica.inFlight()).toSorted((a, b) => a - b)
    for (const expected of [
      [0, 0, 1],
      [0, 1, 1],
      [1, 1, 1],
      [1, 1, 2],
      [1, 2, 2],
    ]) {
      holding.push(ask(rerank, 'hold'))
      await expect.poll(inFlight, patience).toEqual(expected)
    }
    // The one with a single one is freed: the others have two each, so that there is no tie even for a moment.
    const free = tier.find((replica) => replica.inFlight() === 1)
    for (const release of (free === undefined ? undefined : held.get(free)) ?? []) release()
    await Promise.race(holding)
    for (let request = 0; request < 10; request++) {
      expect((await ask(rerank, 'quick')).body).toBe(free?.address)
    }
    for (const release of [...held.values()].flat()) release()
    await Promise.all(holding)
  })

  test('takes 429 and 503 for answers: they are passed on, and the replica is asked again', async () => {
    const [refusing, other] = await replicasOf('embed')
    let refusals = 0
    refusing?.behave((_, response) => {
      response.statusCode = refusals++ % 2 === 0 ? 429 : 503
      response.end('busy')
    })
    const statuses: number[] = []
    for (let request = 0; request < 60; request++) {
      statuses.push((await ask(`${url('embed')}/embed`, '{}')).status)
    }
    expect(statuses.filter((status) => status !== 200)).toHaveLength(refusals)
    expect(refusals + (other?.received.length ?? 0)).toBe(60)
    // Of 60: an ejected one would be asked a few times.
    expect(refusals).toBeGreaterThan(15)
  })

  test('never repeats a POST that reached a replica', async () => {
    const tier = await replicasOf('worker')
    for (const replica of tier) replica.behave(({ message }) => void message.socket.destroy())
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((document) => ask(`${url('worker')}/documents`, document)),
    )
    expect(answers.map(({ status }) => status).every((status) => status === 502 || status === 503)).toBe(true)
    const arrived = tier.flatMap(({ received }) => received.map(({ body }) => body)).toSorted()
    // One that was left out after another's failure is refused, and not repeated either.
    expect(arrived).toEqual([...new Set(arrived)])
    expect(arrived.length).toBeGreaterThan(0)
  })

  test('finds a replica that DNS adds, asks another where one cannot be reached, and loses only what was in flight on one that dies', async () => {
    const [first] = await replicasOf('gateway')
    const second = await startReplica('127.0.1.2', places.gateway.replicas)
    replicas.get('gateway')?.push(second)
    dns.set('gateway', ['127.0.1.1', '127.0.1.2'])
    await untilAsked('gateway', [second])

    for (const replica of [first, second]) {
      replica?.behave(async (_, response) => {
        await sleep(5)
        response.end('answer')
      })
    }
    const query = `${url('gateway')}/query`
    const failures: string[] = []
    let asked = 0
    const client = async (): Promise<void> => {
      for (let request = 0; request < 60; request++) {
        if (asked++ === 60) void first?.kill()
        const { status, body } = await ask(query, '{}').catch((error: unknown) => ({
          status: 0,
          body: String(error),
        }))
        if (status !== 200) failures.push(`${status} ${body}`)
      }
    }
    // DNS goes on naming the dead one, as Docker's does until the container is gone. Each client has one in flight.
    await Promise.all([client(), client(), client(), client()])
    expect(asked).toBe(240)
    expect(failures.length, failures.join('\n')).toBeLessThanOrEqual(4)

    dns.set('gateway', ['127.0.1.2'])
    for (let request = 0; request < 10; request++) expect((await ask(query, '{}')).status).toBe(200)
  })

  test('takes turns among the nodes of the vector tier, and refuses a body that is too large', async () => {
    const nodes = await replicasOf('vector')
    const search = `${url('vector')}/collections/docs/points/query`
    for (let request = 0; request < 30; request++) await ask(search, '{}')
    for (const node of nodes) expect(node.received.length).toBeGreaterThanOrEqual(8)
    const answer = await ask(`${url('embed')}/embed`, 'x'.repeat(5 * 2 ** 20)).catch(() => null)
    // It may close the connection before all was sent.
    if (answer !== null) expect(answer.status).toBe(413)
  })

  test('logs one JSON document a request, without what was asked', async () => {
    await replicasOf('generate')
    await ask(`${url('generate')}/v1/models?query=a-secret-question`, 'another-secret')
    const logged = (): unknown =>
      balancer
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line): unknown => JSON.parse(line))
        .at(-1)
    await expect
      .poll(logged, patience)
      .toMatchObject({ tier: 'generate', method: 'POST', path: '/v1/models' })
    expect(balancer.output()).not.toContain('secret')
  })

  const watched = Object.entries(softwareOf[software].exports).map(([name, type]) => `${name} ${type}`)
  if (watched.length > 0) {
    test('exports every metric that is watched of it', async () => {
      await replicasOf('embed')
      const read = async (): Promise<string[]> => {
        const text = await (await fetch(`${balancer.statusUrl}/metrics`)).text()
        return [...text.matchAll(/^# TYPE (\S+ \S+)$/gm)].map(([, type]) => type ?? '')
      }
      // A histogram is there from when its first interval has been counted.
      await expect.poll(read, patience).toEqual(expect.arrayContaining(watched))
    })
  }

  test('is well by the health check of its container', async (context) => {
    const [checker = '', ...args] = balancer.healthCommand
    const code = await run(checker, args)
    context.skip(code === null, `NOT CHECKED, ${checker} is missing: the image has it, this machine has not`)
    expect(code).toBe(0)
  })
}

/** The exit code of a program; null where there is no such program. */
function run(program: string, args: readonly string[]): Promise<number | null> {
  return new Promise((resolve) => {
    spawn(program, args, { stdio: 'ignore' })
      .once('error', () => resolve(null))
      .once('exit', (code) => resolve(code ?? 1))
  })
}
