import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Dockerode from 'dockerode'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ContainerEvent, EventWatch } from '../../../../src/targets/docker/events.ts'
import { Restarts } from '../../../../src/targets/docker/restarts.ts'

describe('what an engine tells of containers', () => {
  let folder = ''
  let watch: EventWatch
  const asked: URL[] = []
  const streams: ServerResponse[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push(new URL(request.url ?? '', 'http://engine'))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    streams.push(response)
  })

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ragscale-events-'))
    const socketPath = join(folder, 'docker.sock')
    server.listen(socketPath)
    await once(server, 'listening')
    watch = new EventWatch({ docker: new Dockerode({ socketPath }) }, ['project=handbook'])
    await expect.poll(() => watch.listening).toBe(true)
    watch.take()
  })
  afterEach(async () => {
    watch.close()
    asked.length = 0
    streams.length = 0
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
    await rm(folder, { recursive: true })
  })

  const told = (action: string, atMs: number, attributes: Record<string, string> = {}): string =>
    `${JSON.stringify({
      Action: action,
      Actor: { ID: 'c1', Attributes: attributes },
      time: Math.floor(atMs / 1000),
      timeNano: atMs * 1e6,
    })}\n`
  const never = new AbortController().signal

  test('wakes who waits, also where a line comes in pieces', async () => {
    const woken = watch.next(60_000, never)
    const line = told('die', 1_790_000_000_000, { exitCode: '137' })
    streams[0]?.write(line.slice(0, 20))
    streams[0]?.write(line.slice(20))
    await woken
    expect(watch.take()).toEqual({
      events: [{ container: 'c1', action: 'die', exitCode: 137, signal: null }],
      gap: false,
    })
    expect(asked[0]?.searchParams.get('filters')).toContain('project=handbook')
  })

  test('is asked for again where the stream breaks, since the last of it, and nothing is told twice', async () => {
    streams[0]?.write(told('die', 1_790_000_000_000, { exitCode: '1' }))
    await expect.poll(() => watch.take().events).toHaveLength(1)
    streams[0]?.destroy()
    await expect.poll(() => streams.length).toBe(2)
    expect(asked[1]?.searchParams.get('since')).toBe('1790000000')
    streams[1]?.write(told('die', 1_790_000_000_000, { exitCode: '1' }))
    streams[1]?.write(told('start', 1_790_000_000_100))
    const events: ContainerEvent[] = []
    let gap = false
    await expect
      .poll(() => {
        const news = watch.take()
        events.push(...news.events)
        gap ||= news.gap
        return events.map(({ action }) => action)
      })
      .toEqual(['start'])
    expect(gap).toBe(true)
  })

  test('wakes nobody when it says nothing, and ends with who waits', async () => {
    await watch.next(20, never)
    const interrupt = new AbortController()
    const waiting = watch.next(60_000, interrupt.signal)
    interrupt.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('a container that ended and was started again', () => {
  const event = (action: string, more: Partial<ContainerEvent> = {}): ContainerEvent => ({
    container: 'c1',
    action,
    exitCode: null,
    signal: null,
    ...more,
  })

  test('is told with how it ended, though nobody looked in between', () => {
    const restarts = new Restarts()
    for (const one of [event('start'), event('oom'), event('die', { exitCode: 137 })])
      expect(restarts.add(one)).toBeNull()
    const restarted = { container: 'c1', exitCode: 137, oomKilled: true }
    expect(restarts.add(event('start'))).toEqual({ ...restarted, times: 1 })
    restarts.add(event('die', { exitCode: 3 }))
    expect(restarts.add(event('start'))).toEqual({
      container: 'c1',
      exitCode: 3,
      oomKilled: false,
      times: 2,
    })
  })

  test('is not told of where somebody ended it, and a signal that ends nothing is none', () => {
    const restarts = new Restarts()
    restarts.add(event('kill', { signal: 15 }))
    restarts.add(event('die', { exitCode: 0 }))
    expect(restarts.add(event('start'))).toBeNull()
    restarts.add(event('kill', { signal: 1 }))
    restarts.add(event('die', { exitCode: 1 }))
    expect(restarts.add(event('start'))).toMatchObject({ exitCode: 1 })
  })

  test('is found by its count where the engine was not heard, once', () => {
    const restarts = new Restarts()
    expect(restarts.found('c1', 4, true)).toBeNull()
    expect(restarts.found('c1', 5, true)).toBeNull()
    expect(restarts.found('c1', 5, false)).toEqual({
      container: 'c1',
      exitCode: null,
      oomKilled: false,
      times: 1,
    })
    expect(restarts.found('c1', 5, false)).toBeNull()
  })
})
