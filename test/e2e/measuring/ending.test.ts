/** How a run of the real k6 ends when it is not let to finish. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { measure } from './measure.ts'

/** Answers after a tenth of a second, so that something is always in flight. */
const server = createServer((request, response) => {
  request.resume()
  setTimeout(() => response.end('[[1]]'), 100)
})
let url: string

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

it('an interrupted run keeps what it measured, and lets what is in flight end', async () => {
  const { run, steps } = await measure(
    { stage: 'embed', scenario: 'steady', rate: 50, durationMs: 60_000, warmupMs: 0 },
    { urls: [url], protocol: 'tei' },
    [{ query: 'a' }],
    { signal: AbortSignal.timeout(3_000) },
  )
  expect(run.reason).toBe('interrupted')
  const [line] = run.steps
  expect(line).toMatchObject({ stopped: 'interrupted', failed: 0, shed: 0 })
  expect(line?.succeeded).toBe(line?.scheduled)
  expect(line?.windowMs).toBeLessThan(4_000)
  expect(steps[0]?.metrics['latency']?.count).toBe(line?.succeeded)
})

it('a run stops by itself when most requests fail', async () => {
  const { run } = await measure(
    { stage: 'embed', scenario: 'steady', rate: 100, durationMs: 60_000, warmupMs: 0 },
    { urls: ['http://127.0.0.1:1'], protocol: 'tei' },
    [{ query: 'a' }],
  )
  expect(run.reason).toBe('stopped')
  expect(run.steps[0]?.stopped).toMatch(/failed/)
  expect(Object.keys(run.steps[0]?.errors ?? {})).toEqual(['connect'])
})

it('a sweep ends past the first rate that the server cannot hold', async () => {
  // One request at a time of 100 ms, in a queue: ten a second at the most.
  let freeAt = 0
  const single = createServer((request, response) => {
    request.resume()
    freeAt = Math.max(Date.now(), freeAt) + 100
    setTimeout(() => response.end('[[1]]'), freeAt - Date.now())
  })
  await new Promise<void>((resolve) => single.listen(0, '127.0.0.1', resolve))
  const { port } = single.address() as AddressInfo
  const { run, steps } = await measure(
    {
      stage: 'embed',
      scenario: 'sweep',
      rates: [5, 40, 80],
      durationMs: 4_000,
      warmupMs: 0,
      maxInFlight: 32,
      arrivals: { kind: 'constant' },
    },
    { urls: [`http://127.0.0.1:${port}`], protocol: 'tei' },
    [{ query: 'a' }],
  )
  single.close()
  expect(run.reason).toBe('stopped')
  expect(steps.map(({ toRate, saturated }) => [toRate, saturated])).toEqual([
    [5, false],
    [40, true],
  ])
  expect(run.steps[1]?.shed).toBeGreaterThan(0)
})
