import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { scalingOf } from '../../../src/catalog/catalog.ts'
import type { Container } from '../../../src/catalog/container.ts'
import { memoryPerNodeBytes } from '../../../src/catalog/qdrant/memory.ts'
import { cacheBytes } from '../../../src/catalog/redis/size.ts'
import { resources, showBytes } from '../../../src/catalog/resources.ts'
import { secretNameOf } from '../../../src/catalog/secrets.ts'
import { topologyOf } from '../../../src/render/workloads.ts'
import type { Stack } from '../../../src/stack/stack.ts'
import { stackOf } from '../render/arbitrary-stack.ts'

const run = promisify(execFile)

const tiers = {
  gateway: { replicas: 2, autoscale: { max: 8 } },
  embed: { model: 'BAAI/bge-base-en-v1.5', gpu: 'cpu' },
  vector: {
    nodes: 3,
    cpus: 4,
    collection: { points: 10_000_000, shards: 6, replication: 2, quantization: 'scalar' },
  },
  generate: { component: 'vllm', model: 'meta-llama/Llama-3.1-8B-Instruct', gpu: 'H100' },
  cache: { component: 'redis', embeddings: { ttl: '1h' }, answers: { ttl: '1h' }, entries: 1000 },
  worker: { replicas: 1, autoscale: { max: 8 } },
  queue: {},
  metadata: { replicas: 2 },
  ui: {},
} as const

function stack(over: Readonly<Record<string, unknown>> = {}): Stack {
  return stackOf({ name: 'rag', target: 'compose', tiers: { ...tiers, ...over }, limits: { replicas: 16 } })
}

function containerOf(name: string, of: Stack = stack()): Container {
  const found = topologyOf(of, 'compose').workloads.find((workload) => workload.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found.container
}

describe('our own image', () => {
  test('is of the version of this package', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
    expect(containerOf('gateway').image).toMatchObject({
      reference: `ragscale:${version}`,
      build: 'ragscale',
    })
  })

  test('is not built where the user names another', () => {
    const { image } = containerOf('gateway', stack({ gateway: { image: 'registry.example/gateway:1' } }))
    expect(image).toEqual({ reference: 'registry.example/gateway:1', because: 'as ragscale.yaml says' })
  })
})

describe('Qdrant', () => {
  test('reserves what its share of the collection takes, and says how that comes', () => {
    const of = stack()
    const { request, limit, because } = containerOf('vector', of).resources
    const needed = memoryPerNodeBytes(of.tiers.vector!.collection, 3, 2)
    expect(request).toEqual({ cpus: 4, memoryBytes: needed })
    expect(limit).toEqual({ cpus: 4, memoryBytes: Math.ceil(needed * 1.5) })
    expect(because).toBe(
      '30.0 GiB: 10000000 points × (768 × 4 B + their scalar copy + graph + ids) + 20 %, of which a node holds 4 of 6 shards (× 2 copies ÷ 3 nodes); the limit is half as much again, as an optimizer holds a segment twice while it rebuilds it; 4 search threads, a core each',
    )
  })

  test('is the same container for every node: each finds its own name, and the first by the bootstrap', () => {
    const { command, env } = containerOf('vector')
    expect(command?.at(-1)).toContain('exec ./qdrant --uri "http://${HOSTNAME}:6335"')
    expect(env).toMatchObject({ QDRANT__CLUSTER__ENABLED: 'true', QDRANT_BOOTSTRAP: 'http://vector-1:6335' })
  })

  test('takes its key from a secret, and shows its metrics without one', () => {
    const { secrets, ports, env } = containerOf('vector')
    expect(secrets).toEqual([{ name: 'qdrant-api-key', valueEnv: 'QDRANT__SERVICE__API_KEY' }])
    expect(env['QDRANT__SERVICE__METRICS_PORT']).toBe(String(ports['metrics']))
  })

  test('the job makes the collection of the stack', () => {
    const [file] = containerOf('collection').files
    expect(JSON.parse(file?.text ?? '')).toMatchObject({
      vector: { url: 'http://balancer:8082', apiKeyEnv: 'QDRANT_API_KEY' },
      nodes: 3,
      collection: { name: 'docs', dimensions: 768, shards: 6, replication: 2, quantization: 'scalar' },
    })
  })
})

describe('Redis', () => {
  test('as a cache forgets the least used when it is full, and writes nothing to disk', () => {
    const { args, mounts, resources: reserved } = containerOf('cache')
    const text = args?.join(' ') ?? ''
    expect(text).toContain('--maxmemory-policy allkeys-lru')
    expect(text).toContain('--appendonly no')
    expect(mounts.map(({ kind }) => kind)).toEqual(['memory'])
    const maxMemory = Number(args?.[args.indexOf('--maxmemory') + 1])
    expect(reserved.limit.memoryBytes).toBeGreaterThan(maxMemory)
  })

  test('as a queue refuses rather than forgets, and keeps what it took', () => {
    const { args, mounts } = containerOf('queue')
    const text = args?.join(' ') ?? ''
    expect(text).toContain('--maxmemory-policy noeviction')
    expect(text).toContain('--appendonly yes')
    expect(mounts.map(({ kind }) => kind)).toEqual(['own'])
  })

  test('is sized by the entries of the caches that are on', () => {
    const one = cacheBytes(stack({ cache: { component: 'redis', embeddings: { ttl: '1h' }, entries: 1000 } }))
    const two = cacheBytes(stack())
    expect(two).toBeGreaterThan(one)
    expect(cacheBytes(stack({ cache: { ...tiers.cache, entries: 2000 } }))).toBeCloseTo(2 * two, -1)
    expect(cacheBytes(stack({ cache: undefined }))).toBe(0)
  })

  test('is found without a password in the address, which comes by its file', () => {
    for (const [name, host] of [
      ['gateway', 'cache'],
      ['worker', 'queue'],
    ] as const) {
      const { env, secrets } = containerOf(name)
      expect(env['REDIS_URL']).toBe(`redis://${host}:6379`)
      expect(secrets).toContainEqual({ name: 'redis-password', fileEnv: 'REDIS_PASSWORD_FILE' })
    }
  })
})

describe('Postgres', () => {
  test('lets in replicas by a user of their own, with the password of the secret', () => {
    const { files, secrets } = containerOf('metadata')
    expect(files.map(({ path }) => path)).toEqual(['/docker-entrypoint-initdb.d/10-replication.sh'])
    expect(secrets).toEqual([{ name: 'postgres-password', fileEnv: 'POSTGRES_PASSWORD_FILE' }])
  })

  test('gives its buffers a quarter of the memory that it has', () => {
    expect(containerOf('metadata').args).toContain('shared_buffers=256MB')
    const larger = stack({ metadata: { replicas: 1, resources: { memory: '8GiB' } } })
    expect(containerOf('metadata', larger).args).toContain('shared_buffers=2048MB')
  })
})

describe('resources', () => {
  const reckoned = { cpus: 1, memoryBytes: 100, because: 'a formula' }

  test('are the catalogue’s where nothing is written', () => {
    expect(resources(reckoned)).toEqual({
      request: { cpus: 1, memoryBytes: 100 },
      limit: { cpus: null, memoryBytes: 200 },
      because: 'a formula',
    })
  })

  test('are as written where something is: memory also as the limit', () => {
    expect(resources(reckoned, { memoryBytes: 50 })).toEqual({
      request: { cpus: 1, memoryBytes: 50 },
      limit: { cpus: null, memoryBytes: 50 },
      because: 'memory as ragscale.yaml says; a formula',
    })
    expect(resources(reckoned, { cpus: 4, memoryBytes: 50 }).because).toBe(
      'cpus and memory as ragscale.yaml says',
    )
  })

  test('never reserve more CPU than their limit allows', () => {
    expect(resources({ ...reckoned, cpuLimit: 2 }, { cpus: 3 }).limit.cpus).toBe(3)
  })

  test('are shown in binary units', () => {
    expect([showBytes(1), showBytes(512 * 2 ** 20), showBytes(4.6 * 2 ** 30)]).toEqual([
      '1 MiB',
      '512 MiB',
      '4.6 GiB',
    ])
  })
})

describe('what our own services scale by', () => {
  test('gateways by their own share of a query, workers by the documents that wait', () => {
    expect(scalingOf(stack(), 'gateway')).toMatchObject({ unit: 'milliseconds', defaultTarget: 50 })
    expect(scalingOf(stack(), 'worker')).toMatchObject({ unit: 'documents' })
    expect(stack().tiers.gateway?.autoscale).toEqual({ min: 2, max: 8, target: 50, schedule: [] })
  })
})

test('a provider’s secret is named after its variable', () => {
  expect(secretNameOf('OPENAI_API_KEY')).toBe('openai-api-key')
  expect(secretNameOf('_My__Key_')).toBe('my-key')
})

describe('health checks that run inside an image as shipped', () => {
  let server: Server | undefined
  afterEach(() => {
    server?.close()
    server?.closeAllConnections()
  })

  async function answering(status: number): Promise<{ port: number; asked: string[] }> {
    const asked: string[] = []
    server = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.writeHead(status).end('said')
    })
    await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening))
    return { port: (server.address() as AddressInfo).port, asked }
  }

  async function healthy(container: Container, port: number): Promise<boolean> {
    const { http, command } = container.health!
    const [program = '', ...args] = command.map((part) => part.replaceAll(String(http!.port), String(port)))
    return await run(program, args).then(
      () => true,
      () => false,
    )
  }

  // Those of images with Node and bash, which this machine has too; wget's are of busybox.
  test.each(['gateway', 'vector'])('%s is healthy when it answers 200, and else it is not', async (name) => {
    const container = containerOf(name)
    const ready = await answering(200)
    expect(await healthy(container, ready.port)).toBe(true)
    expect(ready.asked).toEqual([container.health?.http?.path])
    server?.close()
    const draining = await answering(503)
    expect(await healthy(container, draining.port)).toBe(false)
    server?.close()
    server?.closeAllConnections()
    expect(await healthy(container, draining.port)).toBe(false)
  })
})
