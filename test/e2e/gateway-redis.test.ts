/** The gateway's caches in a real Redis: shared by replicas, and never the reason for a failed query. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { gatewayConfigSchema } from '../../src/services/gateway/config.ts'
import { createGateway } from '../../src/services/gateway/server.ts'
import type { Gateway } from '../../src/services/gateway/server.ts'
import { chatStreams, fakeUpstream, qdrantAnswers, teiAnswers } from '../unit/services/gateway/upstreams.ts'
import type { FakeUpstream } from '../unit/services/gateway/upstreams.ts'
import { hasRedis, startRedis } from './redis-server.ts'
import type { RedisServer } from './redis-server.ts'

let redis: RedisServer
let upstreams: FakeUpstream[] = []
let gateways: Gateway[] = []

const password = 'only $these @tests:know/it'

async function start(): Promise<string> {
  const [embed, vector, chat] = upstreams
  const config = gatewayConfigSchema.parse({
    embed: { url: embed?.url },
    vector: { url: vector?.url, collection: 'docs' },
    generate: { url: chat?.url, model: 'a-model' },
    cache: { embeddings: 60_000, retrievals: 60_000, answers: 60_000 },
  })
  const gateway = await createGateway(config, { REDIS_URL: redis.url, REDIS_PASSWORD: password })
  gateways.push(gateway)
  return await gateway.app.listen({ host: '127.0.0.1', port: 0 })
}

async function ask(url: string, query: string): Promise<{ status: number; cache: Record<string, string> }> {
  const response = await fetch(`${url}/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  const { cache } = (await response.json()) as { cache: Record<string, string> }
  return { status: response.status, cache }
}

/** Until the gateway's connection to Redis stands, what it stores is lost: the same question is asked until it is known. */
async function askUntilKnown(url: string, query: string): Promise<void> {
  await expect.poll(async () => (await ask(url, query)).cache['answer'], { timeout: 10_000 }).toBe('hit')
}

beforeEach(async () => {
  if (!hasRedis) return
  redis = await startRedis({ password })
  upstreams = [
    await fakeUpstream(teiAnswers),
    await fakeUpstream(qdrantAnswers),
    await fakeUpstream(chatStreams(['One ', 'answer.'])),
  ]
})

afterEach(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close(100)))
  await Promise.all(upstreams.map((upstream) => upstream.close()))
  gateways = []
  upstreams = []
  if (hasRedis) await redis.kill()
})

test.skipIf(!hasRedis)('what one replica answered, another one knows', async () => {
  const first = await start()
  const second = await start()
  await askUntilKnown(first, 'What is a shard?')
  await askUntilKnown(second, 'Something else, so that its connection stands')
  expect((await ask(second, 'what is a SHARD?')).cache['answer']).toBe('hit')
})

test.skipIf(!hasRedis)('a Redis that dies costs its hits and no query', async () => {
  const url = await start()
  await askUntilKnown(url, 'What is a shard?')
  await redis.kill()
  await expect
    .poll(async () => (await ask(url, 'What is a shard?')).cache['answer'], { timeout: 10_000 })
    .toBe('miss')
  expect((await ask(url, 'What is a shard?')).status).toBe(200)
  expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
    /ragscale_gateway_cache_failures_total\{cache="answer"\} [1-9]/,
  )
})
