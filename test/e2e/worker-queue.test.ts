/** Workers that take documents from a real Redis, as processes that are killed in the middle of their work. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createClient } from 'redis'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { FromService } from '../../src/services/process.ts'
import { fakeUpstream, json } from '../unit/services/gateway/upstreams.ts'
import type { FakeUpstream } from '../unit/services/gateway/upstreams.ts'
import { QdrantNodes, eventually } from './qdrant-nodes.ts'
import { hasRedis, startRedis, type RedisServer } from './redis-server.ts'

const main = fileURLToPath(new URL('../../src/services/worker/main.ts', import.meta.url))
const stream = 'ragscale:documents'

let redis: RedisServer
let nodes: QdrantNodes
let embed: FakeUpstream
/** Texts that were embedded, in order. */
let embedded: string[]
let running: ChildProcess[]

/** One vector a text; what a test does with the text first is its affair. */
let meanwhile: (texts: readonly string[]) => Promise<number>

beforeEach(async () => {
  if (!hasRedis) return
  running = []
  embedded = []
  meanwhile = () => Promise.resolve(200)
  redis = await startRedis({ password: 'secret' })
  nodes = await QdrantNodes.start(1)
  await fetch(`${nodes.url(0)}/collections/docs`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ vectors: { size: 2, distance: 'Cosine' } }),
  })
  embed = await fakeUpstream((_request, body, response) => {
    const { inputs } = JSON.parse(body) as { inputs: string[] }
    embedded.push(...inputs)
    void meanwhile(inputs).then((status) =>
      status === 200
        ? json(
            response,
            inputs.map((text) => [1, text.length]),
          )
        : json(response, { error: 'no' }, status),
    )
  })
})

afterEach(async () => {
  if (!hasRedis) return
  for (const child of running) child.kill('SIGKILL')
  await embed.close()
  await nodes.stop()
  await redis.kill()
})

interface WorkerProcess {
  readonly url: string
  readonly child: ChildProcess
}

async function start(queue: Record<string, unknown> = {}): Promise<WorkerProcess> {
  const child = fork(main, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, REDIS_URL: redis.url, REDIS_PASSWORD: 'secret' },
  })
  running.push(child)
  child.send({
    type: 'configure',
    config: {
      embed: { url: embed.url },
      vector: { url: nodes.url(0) },
      collection: {
        name: 'docs',
        dimensions: 2,
        distance: 'Cosine',
        points: 0,
        shards: 1,
        replication: 1,
        quantization: 'none',
      },
      queue: { idleMs: 1_500, ...queue },
    },
  })
  const [message] = (await once(child, 'message')) as [FromService]
  if (message.type !== 'listening') throw new Error(`the worker did not start: ${JSON.stringify(message)}`)
  return { url: `http://127.0.0.1:${message.port}`, child }
}

function post(url: string, body: unknown): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** Until its connection stands a worker says that it took nothing, and its sender tries again. */
async function queue(url: string, source: string, text: string): Promise<void> {
  await eventually(
    async () => (await post(`${url}/documents`, { source, text })).status,
    (status) => status === 202,
  )
}

/** Source → texts of its points, in the order of its chunks. */
async function stored(): Promise<Record<string, string[]>> {
  const response = await post(`${nodes.url(0)}/collections/docs/points/scroll`, {
    limit: 10_000,
    with_payload: true,
  })
  const { result } = (await response.json()) as {
    result: { points: { payload: { source: string; text: string; chunk: number } }[] }
  }
  const points = result.points.map(({ payload }) => payload).toSorted((a, b) => a.chunk - b.chunk)
  const bySource = Object.groupBy(points, ({ source }) => source)
  return Object.fromEntries(
    Object.entries(bySource).map(([source, of = []]) => [source, of.map(({ text }) => text)]),
  )
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
}

async function emptied(url: string): Promise<void> {
  await eventually(
    () => metric(url, 'ragscale_worker_queue_backlog'),
    (backlog) => backlog === 0,
  )
}

const long = (word: string): string => Array.from({ length: 400 }, (_, index) => `${word}${index}`).join(' ')

const real = test.skipIf(!hasRedis)

real('a document is taken at once, and its points are stored soon after', async () => {
  const { url } = await start()
  await queue(url, 'a.md', 'What a shard is.')
  await emptied(url)
  expect(await stored()).toEqual({ 'a.md': ['What a shard is.'] })
  expect(await metric(url, 'ragscale_worker_queue_up')).toBe(1)
})

real('a worker killed in the middle of a document loses nothing and stores nothing twice', async () => {
  let begun = (): void => {}
  const secondBatch = new Promise<void>((resolve) => (begun = resolve))
  // The document's last chunks are never embedded for the first worker: some of its points are stored, not all.
  meanwhile = async (texts) => {
    if (texts.some((text) => text.startsWith('killed0 '))) {
      begun()
      await new Promise(() => {})
    }
    return 200
  }
  const first = await start({ concurrency: 1 })
  await queue(first.url, 'killed.md', long('killed'))
  await secondBatch
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  expect((await stored())['killed.md']?.length).toBeGreaterThan(0)
  meanwhile = () => Promise.resolve(200)
  const second = await start()
  for (let index = 0; index < 20; index++) await queue(second.url, `other-${index}.md`, `Text ${index}.`)
  await emptied(second.url)
  const all = await stored()
  expect(Object.keys(all)).toHaveLength(21)
  const words = new Set((all['killed.md'] ?? []).flatMap((text) => text.split(/\s+/)))
  expect(words).toEqual(new Set(long('killed').split(' ')))
  const chunks = all['killed.md'] ?? []
  expect(new Set(chunks).size).toBe(chunks.length)
  expect(await metric(second.url, 'ragscale_worker_queue_retries_total')).toBe(1)
})

real('several workers share the queue, and each document is written once', async () => {
  // However busy this machine is, none is taken for dead.
  const patient = { idleMs: 60_000 }
  const workers = [await start(patient), await start(patient), await start(patient)]
  for (let index = 0; index < 60; index++)
    await queue(workers[index % 3]!.url, `${index}.md`, `Text ${index}.`)
  await emptied(workers[0]!.url)
  expect(Object.keys(await stored())).toHaveLength(60)
  expect(embedded.toSorted()).toEqual(Array.from({ length: 60 }, (_, index) => `Text ${index}.`).toSorted())
})

real('of a document that was queued again and again the last version is what stays', async () => {
  const workers = [await start(), await start()]
  // The first versions take long, so that later ones overtake them if anything lets them.
  meanwhile = async (texts) => {
    const version = Number(/Version (\d+)/.exec(texts[0] ?? '')?.[1] ?? 0)
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 300 - version * 30)))
    return 200
  }
  for (let version = 0; version < 12; version++) {
    await queue(workers[version % 2]!.url, 'a.md', `Version ${version}.`)
  }
  await emptied(workers[0]!.url)
  expect(await stored()).toEqual({ 'a.md': ['Version 11.'] })
})

real('what is written at once is not undone by what waited', async () => {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  meanwhile = async (texts) => {
    if (texts[0] === 'Something else.') await held
    return 200
  }
  const { url } = await start({ concurrency: 1 })
  await queue(url, 'b.md', 'Something else.')
  await queue(url, 'a.md', 'Queued.')
  const now = await post(`${url}/documents?wait=true`, { source: 'a.md', text: 'At once.' })
  expect([now.status, await now.json()]).toEqual([200, { source: 'a.md', chunks: 1 }])
  release()
  await emptied(url)
  expect((await stored())['a.md']).toEqual(['At once.'])
  expect(embedded).not.toContain('Queued.')
})

real(
  'a document that fails is tried again, then given up with the reason, and can be queued again',
  async () => {
    meanwhile = (texts) => Promise.resolve(texts[0] === 'Poison.' ? 413 : 200)
    const { url } = await start({ maxTries: 2, idleMs: 300 })
    await queue(url, 'poison.md', 'Poison.')
    await queue(url, 'good.md', 'Good.')
    await eventually(
      () => metric(url, 'ragscale_worker_queue_dead_letters'),
      (count) => count === 1,
    )
    expect(Object.keys(await stored())).toEqual(['good.md'])
    expect(embedded.filter((text) => text === 'Poison.')).toHaveLength(2)
    const client = createClient({ url: redis.url, password: 'secret' })
    await client.connect()
    const [letter] = (await client.xRange(`${stream}:dead`, '-', '+')) ?? []
    client.destroy()
    expect(letter?.message).toMatchObject({ source: 'poison.md', text: 'Poison.', tries: '2' })
    expect(letter?.message['because']).toContain('413')

    meanwhile = () => Promise.resolve(200)
    expect(await (await post(`${url}/dead-letters/retry`, {})).json()).toEqual({ queued: 1 })
    await emptied(url)
    expect((await stored())['poison.md']).toEqual(['Poison.'])
  },
)

real('a worker that is stopped acknowledges only what it stored', async () => {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  meanwhile = async (texts) => {
    if (texts[0] === 'Slow.') await held
    else if (texts[0] === 'Endless.') await new Promise(() => {})
    return 200
  }
  const { url, child } = await start()
  await queue(url, 'slow.md', 'Slow.')
  await queue(url, 'endless.md', 'Endless.')
  await expect.poll(() => embedded.length, { timeout: 20_000 }).toBe(2)
  child.send({ type: 'stop', graceMs: 10_000 })
  release()
  await once(child, 'exit')
  expect(Object.keys(await stored())).toEqual(['slow.md'])
  meanwhile = () => Promise.resolve(200)
  const next = await start()
  await emptied(next.url)
  expect(Object.keys(await stored()).toSorted()).toEqual(['endless.md', 'slow.md'])
})

real('a full queue answers 429, and a Redis that is away 503; work goes on when it is back', async () => {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  meanwhile = async () => {
    await held
    return 200
  }
  const { url } = await start({ maxLength: 2 })
  await queue(url, 'a.md', 'One.')
  await queue(url, 'b.md', 'Two.')
  const full = await post(`${url}/documents`, { source: 'c.md', text: 'Three.' })
  expect([full.status, full.headers.get('retry-after')]).toEqual([429, '1'])
  release()
  await emptied(url)
  const port = Number(new URL(redis.url).port)
  await redis.kill()
  await expect
    .poll(async () => (await post(`${url}/documents`, { source: 'c.md', text: 'Three.' })).status, {
      timeout: 20_000,
    })
    .toBe(503)
  expect(await metric(url, 'ragscale_worker_queue_up')).toBe(0)
  redis = await startRedis({ port, password: 'secret' })
  await queue(url, 'c.md', 'Three.')
  await emptied(url)
  expect(Object.keys(await stored()).toSorted()).toEqual(['a.md', 'b.md', 'c.md'])
})
