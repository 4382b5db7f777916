import { afterEach, expect, it } from 'vitest'
import { type Rig, balancerOver, cleanUp, serverOf } from './fixture.ts'

afterEach(cleanUp)

/** A balancer before two replicas of the current release and one of the next, which answer the release's name. */
async function split(share: number): Promise<Rig & { upstreams: object[]; kill: () => void }> {
  const servers = await Promise.all(
    ['current', 'current', 'next'].map(async (release) => ({
      release,
      ...(await serverOf((_request, response) => response.end(release))),
    })),
  )
  const upstreams = servers.map(({ release, url }, index) => ({ name: `embed-${index}`, url, release }))
  return {
    ...(await balancerOver([], { upstreams, share, seed: 3 })),
    upstreams,
    kill: () => {
      servers[2]?.server.close()
      servers[2]?.server.closeAllConnections()
    },
  }
}

async function ask(url: string, release?: string): Promise<string> {
  const headers: Record<string, string> = release === undefined ? {} : { 'x-ragscale-release': release }
  return await (await fetch(url, { headers })).text()
}

async function counted(url: string, requests: number): Promise<number> {
  let next = 0
  for (let request = 0; request < requests; request++) if ((await ask(url)) === 'next') next++
  return next
}

it('gives the next release its share of the requests, whatever the number of its replicas', async () => {
  const { url } = await split(25)
  const next = await counted(url, 400)
  // 100 of 400, give or take 4.6 standard deviations; the draws are seeded.
  expect(next).toBeGreaterThan(60)
  expect(next).toBeLessThan(140)
})

it.each([
  [0, 0],
  [100, 50],
])('gives it at a share of %d of 100 none else or all', async (share, expected) => {
  const { url } = await split(share)
  expect(await counted(url, 50)).toBe(expected)
})

it('gives a request to the release that it names, whatever the share', async () => {
  const { url } = await split(0)
  expect(await ask(url, 'next')).toBe('next')
  expect(await ask(url, 'current')).toBe('current')
  expect(await ask(url, 'another')).toBe('current')
  const { headers } = await fetch(url, { headers: { 'x-ragscale-release': 'next' } })
  expect(headers.get('x-ragscale-release')).toBe('next')
})

it('shifts the share while it runs, and loses no request in flight', async () => {
  const { url, balancer, upstreams } = await split(0)
  const asking = new AbortController()
  const answers: Promise<string>[] = []
  const load = (async () => {
    while (!asking.signal.aborted) {
      answers.push(ask(url))
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  for (const share of [5, 25, 50, 100, 0, 100]) await balancer.reconfigure?.({ upstreams, share, seed: 3 })
  asking.abort()
  await load
  const answered = await Promise.all(answers)
  expect(answered.every((answer) => answer === 'current' || answer === 'next')).toBe(true)
  expect(await counted(url, 20)).toBe(20)
})

it('gives the share of a release that has no replica left to the other, but never a request that named it', async () => {
  const { url, kill } = await split(100)
  kill()
  expect(await counted(url, 20)).toBe(0)
  const named = await fetch(url, { headers: { 'x-ragscale-release': 'next' } })
  expect(named.status).toBe(503)
})

it('says which replica is of which release, and what each was sent', async () => {
  const { url, state } = await split(100)
  await ask(url)
  const { share, upstreams } = await state()
  expect(share).toBe(100)
  expect(upstreams.map(({ release, served }) => [release, served])).toEqual([
    ['current', 0],
    ['current', 0],
    ['next', 1],
  ])
})
