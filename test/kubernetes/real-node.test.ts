/**
 * A stack's whole life on a real node: kubelet, containerd, the proxy of Services, and a Gateway that really routes.
 * The models are emulated; nothing else is.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Recommendation } from '../../src/capacity/types.ts'
import type { Run } from '../../src/recording/run.ts'
import type { ReplicaTier } from '../../src/stack/stack.ts'
import { keepAsking } from '../e2e/engine/asking.ts'
import { nextImage, slowImage } from './node/images.ts'
import { leftIn } from './on-control-plane.ts'
import { isReady, namespace, onRealNode, patience } from './on-real-node.ts'
import { type Own, valuesOf, writeBeside, yaml } from './whole-stack.ts'

const real = onRealNode({ yaml, values: valuesOf({}), routed: true })
const { node, gateway, place, json, pods, killContainer } = real
const override = async (own: Own): Promise<void> => await real.override(valuesOf(own))
const claims = [0, 1, 2].map((index) => `persistentvolumeclaim/vector-data-handbook-ragscale-vector-${index}`)
const stackFile = async (): Promise<string> => await readFile(join(place().folder, 'ragscale.yaml'), 'utf8')

beforeAll(async () => await writeBeside(place()))

describe('a stack on a real node', { timeout: 400_000 }, () => {
  test('comes up with every pod ready, and answers through a forwarded port', async () => {
    const { code, err } = await place().command('up', ...patience)
    expect(code, err).toBe(0)
    const running = pods().filter(({ status }) => status.phase !== 'Succeeded')
    expect(running).toHaveLength(12)
    expect(running.filter((pod) => !isReady(pod))).toEqual([])
    const connection = await place().connect()
    try {
      const answer = await fetch(`${connection.endpoints.pipeline?.[0]}/query`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: 'What is a shard?' }),
      })
      expect(answer.status).toBe(200)
    } finally {
      await connection.close()
    }
  })

  test('has nothing to do for a second up', async () => {
    const before = pods().map(({ metadata }) => metadata.uid)
    expect(await json('up', ...patience)).toMatchObject({ changes: [] })
    expect(pods().map(({ metadata }) => metadata.uid)).toEqual(before)
  })

  test('shows what its pods wrote, by the names of the replicas', async () => {
    const { out } = await place().command('logs', 'embed')
    expect(out).toMatch(/^embed-\w+ +\| ragscale \S+: emulators\/tei$/m)
    expect(out).not.toMatch(/^gateway/m)
  })

  test('is filled and load-tested through forwarded ports, with the kubelet’s word on each pod beside it', async () => {
    const filled = await place().command('ingest', 'documents')
    expect(filled.code, filled.err).toBe(0)
    const steady = '--stage pipeline --scenario steady --rate 4/s --warmup 2s --duration 20s'.split(' ')
    const run = (await json('loadtest', ...steady)) as Run
    expect(run).toMatchObject({ target: 'kubernetes', emulated: true })
    const [step] = run.steps
    expect(step?.errors).toEqual({})
    // A second.
    expect(step?.completed).toBeGreaterThan(3)
    for (const tier of ['gateway', 'embed', 'vector', 'generate', 'balancer']) {
      expect(step?.tiers[tier]?.memoryBytes, tier).toBeGreaterThan(1_000_000)
      expect(step?.tiers[tier]?.cpuCores, tier).toBeGreaterThan(0)
    }
    expect(step?.tiers['embed']).toMatchObject({ replicas: 2 })
  })

  test('shows its Qdrant cluster through a forwarded port, and asks only before something of it is changed', async () => {
    const status = (await json('vector', 'status')) as { peers: unknown[]; troubles: unknown[] }
    expect(status).toMatchObject({ troubles: [] })
    expect(status.peers).toHaveLength(3)
    expect(await place().command('vector', 'apply')).toMatchObject({ code: 0, out: 'nothing to do\n' })
    const changing = await place().command('vector', 'apply', '--shards', '12', '--drop-old')
    expect(changing.code).toBe(2)
    // All of it: by its address the cluster is another machine's.
    expect(changing.err).toMatch(
      /this would create collection docs.*; remove collection docs.*, and nobody can be asked/,
    )
    // For that nobody has to agree.
    expect(changing.err).not.toContain('wait until')
  })

  test('loses at most what was in flight when a container is killed, which the kubelet starts again', async () => {
    const connection = await place().connect()
    let question = 0
    const asking = keepAsking(`${connection.endpoints.pipeline?.[0]}/query`, () => ({
      query: `Which shard holds ${question++}?`,
      stream: false,
    }))
    const killedAt: number[] = []
    try {
      await expect.poll(() => asking.asked.length, { timeout: 60_000 }).toBeGreaterThan(8)
      for (const tier of ['embed', 'gateway', 'generate']) {
        const [victim] = pods(tier)
        if (victim === undefined) throw new Error(`no pod of ${tier}`)
        killedAt.push(performance.now())
        await killContainer(victim)
        const count = asking.asked.length
        await expect.poll(() => asking.asked.length, { timeout: 60_000 }).toBeGreaterThan(count + 12)
        const again = () => pods(tier).filter((pod) => isReady(pod))
        await expect.poll(() => again().length, { timeout: 120_000, interval: 1_000 }).toBe(2)
      }
    } finally {
      await asking.stop()
      await connection.close()
    }
    const lost = asking.asked.filter(({ outcome }) => outcome !== 200)
    for (const { startedMs, endedMs } of lost)
      expect(
        killedAt.some((at) => startedMs < at + 1_000 && endedMs > at),
        JSON.stringify({ lost, killedAt }),
      ).toBe(true)
    expect(lost.length).toBeLessThanOrEqual(4 * killedAt.length)
    const restarts = pods().map(({ status }) => status.containerStatuses?.[0]?.restartCount ?? 0)
    expect(restarts.filter((count) => count > 0)).toHaveLength(killedAt.length)
  })

  test('has a node of vector back that was deleted, with what it held', async () => {
    const [victim] = pods('vector')
    node().kubectl(['delete', 'pod', victim?.metadata.name ?? '', '-n', namespace])
    const { code, err } = await place().command('up', ...patience)
    expect(code, err).toBe(0)
    expect(pods('vector').map(({ metadata }) => metadata.uid)).not.toContain(victim?.metadata.uid)
    const again = await place().command('ingest', 'documents')
    expect(again.code, again.err).toBe(0)
    expect(again.out).toMatch(/collection docs holds 20 points/)
  })

  test('is scaled for a while, and the file is left alone', async () => {
    const text = await stackFile()
    const scaled = await place().command('scale', 'generate=3', ...patience)
    expect(scaled.code, scaled.err).toBe(0)
    expect(pods('generate').filter((pod) => isReady(pod))).toHaveLength(3)
    expect(await stackFile()).toBe(text)
    expect((await place().command('up', ...patience)).code).toBe(0)
    await expect.poll(() => pods('generate').length, { timeout: 60_000 }).toBe(2)
  })

  test('is scaled by recommend --apply', async () => {
    await place().change({ 'tiers.embed.replicas': 1 })
    expect((await place().command('up', ...patience)).code).toBe(0)
    const sweep = '--stage embed --rates 3/s,5/s,7/s,8/s,20/s --duration 5s --warmup 1s --name sweep'
    const swept = await place().command('loadtest', ...sweep.split(' '))
    expect([0, 5, 6], swept.err).toContain(swept.code)
    const args = ['recommend', '--run', 'sweep', '--rate', '18/s', '--apply', '--yes']
    const recommendation = (await json(...args)) as Recommendation
    const replicas = recommendation.tiers.embed?.then.replicas ?? 0
    expect(replicas, JSON.stringify(recommendation)).toBeGreaterThanOrEqual(2)
    expect(pods('embed').filter((pod) => isReady(pod))).toHaveLength(replicas)
    expect(await stackFile()).toContain(`replicas: ${replicas} # for now`)
  })
})

describe('what a kubelet says', { timeout: 400_000 }, () => {
  test('of a container that wants more memory than it may have', async () => {
    await override({ embedMemory: '16Mi' })
    const { code, err } = await place().command('up', ...patience)
    expect(code).toBe(4)
    expect(err).toMatch(/embed-\w+ is failing: killed for using more than its .* of memory \(OOMKilled\)/)
    expect(err).toContain('tiers.<tier>.resources.memory in ragscale.yaml')
    await override({})
    expect((await place().command('up', ...patience)).code).toBe(0)
  })

  test('of an image that is nowhere, and what to do', async () => {
    await place().change({ 'tiers.gateway.image': 'registry.test/none:1' })
    const { code, err } = await place().command('up', ...patience)
    expect(code).toBe(4)
    expect(err).toMatch(
      /gateway-\w+ is failing: image registry\.test\/none:1 cannot be pulled: its registry cannot be reached/,
    )
    expect(err).toContain('tiers.<tier>.image in ragscale.yaml names another')
    await place().change({ 'tiers.gateway.image': 'ragscale:test' })
    expect((await place().command('up', ...patience)).code).toBe(0)
  })
})

describe('the gateway behind a Gateway', { timeout: 600_000 }, () => {
  const quick = '--steps 25,100 --max-wait 60s --error-tolerance 4% --rate 8/s --yes'
  const image = async (): Promise<string | undefined> =>
    /gateway: .*image: '?([\w:.]+)/.exec(await stackFile())?.[1]
  const rolledOut = async (...args: string[]) => {
    const { rollout } = (await json('rollout', ...args)) as {
      rollout: { phase: string; outcome: string; because: string | null }
    }
    expect(await json('up', '--dry-run')).toMatchObject({ steps: [] })
    expect(leftIn(node(), namespace)).not.toContain('deployment.apps/handbook-ragscale-gateway-next')
    return rollout
  }
  /** `tolerance`: as wide as what a busy machine shakes where both are to be found as good. */
  const canary = async (next: string, tolerance: string) =>
    await rolledOut('canary', 'gateway', '--image', next, '--tolerance', tolerance, ...quick.split(' '))

  test('is asked by it once the route says so', async () => {
    // Faster than the canary asks.
    await place().change({ 'tiers.embed.emulate.mean': '5ms' })
    await override({
      routing: {
        provider: 'gateway-api',
        gateways: [{ name: gateway().name, namespace: gateway().namespace }],
      },
    })
    expect((await place().command('up', ...patience)).code).toBe(0)
    const connection = await place().connect()
    await connection.close()
    expect(connection.endpoints.pipeline).toEqual([gateway().url])
    await expect.poll(async () => await answered(), { timeout: 30_000 }).toBe(200)
  })

  test('shares its requests out by the weights of the route', async () => {
    await place().bring((now) => ({
      ...now,
      split: {
        tier: 'gateway',
        version: { ...(now.tiers.gateway as ReplicaTier), image: nextImage },
        share: 25,
      },
    }))
    try {
      const before = served()
      const asked = 400
      // By whom they were answered counts here, and not how: a busy machine may be late with some (504).
      for (let index = 0; index < asked; index += 8)
        await Promise.all(Array.from({ length: 8 }, async () => expect(await answered()).not.toBe(0)))
      const now = served()
      const next = now.next - before.next
      expect(next + now.main - before.main).toBe(asked)
      // Four standard deviations of a binomial share.
      expect(Math.abs(next / asked - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / asked))
    } finally {
      await place().bring((whole) => whole)
    }
    expect(leftIn(node(), namespace)).not.toContain('deployment.apps/handbook-ragscale-gateway-next')
  })

  test('is taken over by a canary that is as good', async () => {
    const rollout = await canary(nextImage, '300%')
    expect(rollout).toMatchObject({ phase: 'ended', outcome: 'promoted' })
    expect(await image()).toBe(nextImage)
  })

  test('goes back from a canary that is slower, by itself', async () => {
    const rollout = await canary(slowImage, '100%')
    expect(rollout).toMatchObject({ phase: 'ended', outcome: 'rolled back: worse' })
    expect(rollout.because).toContain('latency.p')
    expect(await image()).toBe(nextImage)
  })

  test('is switched at once by blue-green', async () => {
    const tested = '--rate 4/s --duration 10s --soak 3s --yes'.split(' ')
    const rollout = await rolledOut('bluegreen', 'gateway', '--image', 'ragscale:test', ...tested)
    expect(rollout).toMatchObject({ phase: 'ended', outcome: 'promoted' })
    expect(await image()).toBe('ragscale:test')
  })

  /** Status of a question that nobody asked before. */
  async function answered(): Promise<number> {
    const response = await fetch(`${gateway().url}/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'What is a share?', stream: false }),
    }).catch(() => null)
    await response?.arrayBuffer()
    return response?.status ?? 0
  }

  /** Requests that the pods of each release have answered, as they count them. */
  function served(): { main: number; next: number } {
    const counts = { main: 0, next: 0 }
    for (const { metadata } of pods('gateway')) {
      const path = `/api/v1/namespaces/${namespace}/pods/${metadata.name}:8080/proxy/metrics`
      const lines = node()
        .kubectl(['get', '--raw', path])
        .matchAll(/^ragscale_gateway_requests_total\S* (\d+)$/gm)
      const pool = metadata.labels['ragscale.com/pool'] === 'next' ? 'next' : 'main'
      for (const [, count] of lines) counts[pool] += Number(count)
    }
    return counts
  }
})

describe('going down', { timeout: 400_000 }, () => {
  test('leaves the volumes, and with --volumes nothing', async () => {
    expect((await place().command('down', ...patience)).code).toBe(0)
    const kept = leftIn(node(), namespace)
    expect(kept.filter((name) => name.startsWith('persistentvolumeclaim/')).toSorted()).toEqual(
      claims.toSorted(),
    )
    expect(kept.filter((name) => !name.startsWith('persistentvolumeclaim/'))).toEqual([
      'secret/handbook-ragscale-secrets',
    ])
    expect((await place().command('down', '--volumes', ...patience)).code).toBe(0)
    expect(leftIn(node(), namespace)).toEqual([])
  })
})
