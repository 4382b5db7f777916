/** The cache and the queue, started by a real Redis as their containers would be. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Container } from '../../../src/catalog/container.ts'
import { secretPath } from '../../../src/catalog/secrets.ts'
import { startCommand } from '../../../src/render/secret-files.ts'
import { topologyOf } from '../../../src/render/workloads.ts'
import { stackOf } from '../../unit/render/arbitrary-stack.ts'
import { hasRedis } from '../redis-server.ts'
import { freePort } from './free-port.ts'

const run = promisify(execFile)

const topology = topologyOf(
  stackOf({
    name: 'rag',
    target: 'compose',
    tiers: {
      gateway: {},
      embed: { model: 'BAAI/bge-base-en-v1.5', gpu: 'cpu' },
      vector: {},
      generate: { model: 'Qwen/Qwen2.5-0.5B-Instruct', gpu: 'L4' },
      cache: { component: 'redis', embeddings: { ttl: '1h' } },
      worker: {},
      queue: {},
    },
  }),
  'compose',
)

/** Everything that a shell or Redis' configuration gives a meaning to. */
const password = `p"a\\s's $1 #`

describe.skipIf(!hasRedis)('Redis, as its containers start it', () => {
  let folder = ''
  let child: ChildProcess | undefined

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ragscale-redis-'))
    await writeFile(join(folder, 'redis-password'), password)
  })
  afterEach(async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  const here = (port: number) => (part: string) =>
    part.replaceAll(secretPath(''), `${folder}/`).replace('redis-cli', `redis-cli -p ${port}`)

  async function start(container: Container): Promise<number> {
    const port = await freePort()
    const begun = startCommand(container)
    const [program = '', ...rest] = [...(begun?.entrypoint ?? []), ...(begun?.command ?? [])].map(here(port))
    // Beside what the container says: where this machine has room for it. The last argument stays the last.
    const args = [...rest.slice(0, -1), '--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '-']
    child = spawn(program, args, { stdio: 'ignore' })
    await expect.poll(() => healthy(container, port), { timeout: 20_000 }).toBe(true)
    return port
  }

  /** As the engine asks: in the container's own environment, which has no password. */
  async function healthy(container: Container, port: number): Promise<boolean> {
    const [program = '', ...args] = (container.health?.command ?? []).map(here(port))
    return await run(program, args).then(
      () => true,
      () => false,
    )
  }

  const connect = async (port: number, as: string) =>
    await createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: false }, password: as })
      .on('error', () => {})
      .connect()

  test.each(['cache', 'queue'])('%s asks for its password, and is stopped by SIGTERM', async (name) => {
    const port = await start(containerOf(name))
    await expect(connect(port, 'guessed')).rejects.toThrow(/WRONGPASS/)
    const client = await connect(port, password)
    expect(await client.ping()).toBe('PONG')
    client.destroy()
    child?.kill('SIGTERM')
    expect(await once(child!, 'exit')).toEqual([0, null])
  })

  test('the queue keeps what it took when it is killed', async () => {
    const queue = containerOf('queue')
    const before = await connect(await start(queue), password)
    await before.xAdd('ragscale:documents', '*', { source: 'a' })
    before.destroy()
    child?.kill('SIGKILL')
    await once(child!, 'exit')
    const after = await connect(await start(queue), password)
    expect(await after.xLen('ragscale:documents')).toBe(1)
    after.destroy()
  })

  test('the cache has room for what it is sized for, and forgets rather than refuses', async () => {
    const cache = containerOf('cache')
    const client = await connect(await start(cache), password)
    expect(await client.configGet('maxmemory-policy')).toEqual({ 'maxmemory-policy': 'allkeys-lru' })
    const [, maxMemory] = Object.entries(await client.configGet('maxmemory'))[0] ?? []
    expect(Number(maxMemory)).toBeLessThan(cache.resources.limit.memoryBytes)
    client.destroy()
  })
})

function containerOf(name: string): Container {
  const found = topology.workloads.find((workload) => workload.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found.container
}
