import { once } from 'node:events'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { watch } from '../../../../src/services/supervisor/watch.ts'

let server: Server
let answers: Record<string, number | null> = {}
let told: string[] = []
let stop = () => {}

beforeEach(async () => {
  answers = { '/live': 200, '/ready': 503 }
  told = []
  server = createServer((request, response) => {
    const status = answers[request.url ?? '']
    if (typeof status === 'number') response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const health = { ready: '/ready', live: '/live', intervalMs: 5, timeoutMs: 50, failures: 3 }
  stop = watch((server.address() as AddressInfo).port, health, {
    onNotYet: (why) => void (told.at(-1) === why || told.push(why)),
    onReady: () => void told.push('ready'),
    onUnready: (why) => void told.push(`unready: ${why}`),
    onDead: (why) => void told.push(`dead: ${why}`),
  })
})
afterEach(() => {
  stop()
  server.closeAllConnections()
  server.close()
})

const until = async (last: string) =>
  await expect.poll(() => told.at(-1), { timeout: 4_000, interval: 5 }).toBe(last)

describe('watching a process', () => {
  it('waits until it is ready, telling why it is not yet', async () => {
    await until('GET /ready answered 503')
    answers['/ready'] = 200
    await until('ready')
    expect(told).toEqual(['GET /ready answered 503', 'ready'])
  })

  it('tells when it may be given no work, and when it may again', async () => {
    answers['/ready'] = 200
    await until('ready')
    answers['/ready'] = 503
    await until('unready: GET /ready answered 503')
    answers['/ready'] = 204
    await until('ready')
  })

  it('calls one dead that does not answer several times in a row', async () => {
    answers['/ready'] = 200
    await until('ready')
    answers['/live'] = null
    await until('dead: GET /live was not answered within 50 ms')
    expect(told.filter((line) => line.startsWith('unready'))).toEqual([])
  })

  it('does not take a single failure for more than that', async () => {
    answers['/ready'] = 200
    await until('ready')
    const failing = once(server, 'request')
    answers['/live'] = 500
    await failing
    answers['/live'] = 200
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(told.slice(told.indexOf('ready'))).toEqual(['ready'])
  })
})
