/**
 * A Qdrant cluster of emulated nodes in real pods, shown and changed through forwarded ports: copies, nodes that come
 * and go, another count of shards, and what is left of all that when a container is killed or the API server is away.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Connection } from '../../src/targets/target.ts'
import { keepAsking } from '../e2e/engine/asking.ts'
import { type Points, type Seen, pointsAt, underWay } from '../e2e/engine/vector-points.ts'
import { leftIn } from './on-control-plane.ts'
import { type Pod, isReady, namespace, onRealNode, patience } from './on-real-node.ts'

const shards = 6
const yaml = `name: handbook
target: kubernetes
rehearse: true
tiers:
  vector:
    component: qdrant
    nodes: 3
    cpus: 0.2
    collection: { name: docs, dimensions: 4, distance: Cosine, points: 100_000, shards: ${shards}, replication: 1 }
balancer: { component: nginx, image: 'nginx:test' }
workload: { rate: 4/s, queries: queries.txt, seed: 7 }
`
// All nodes on the one machine that there is.
const values = { tiers: { vector: { apart: 'preferred' } } }
/** So that a copy is under way for a while, points a second. */
const throttle = ['--throttle', '3000']

const { node, place, json, pods, killContainer } = onRealNode({ yaml, values, routed: false })

interface Plan {
  readonly steps: readonly { readonly kind: string; readonly what: string }[]
  readonly notes: readonly string[]
}

let connection: Connection
/** Through the balancer. */
let points: Points
const balancer = (): string => connection.endpoints.vector?.[0] ?? ''
const seen = async (): Promise<Seen> => (await json('vector', 'status')) as Seen
const plan = async (...more: readonly string[]): Promise<Plan> =>
  (await json('vector', 'plan', ...more)) as Plan
const claims = (): string[] =>
  leftIn(node(), namespace).filter((name) => name.startsWith('persistentvolumeclaim/'))
const claimOf = (ordinal: number): string =>
  `persistentvolumeclaim/vector-data-handbook-ragscale-vector-${ordinal}`

async function done(...args: readonly string[]): Promise<void> {
  const { code, err } = await place().command(...args)
  expect(code, err).toBe(0)
}

function podOf(name: string): Pod {
  const pod = `handbook-ragscale-vector-${Number(name.split('-')[1]) - 1}`
  const found = pods('vector').find(({ metadata }) => metadata.name === pod)
  if (found === undefined) throw new Error(`no pod of ${name}`)
  return found
}

/** Copies of a collection by the node that holds them; all of them are whole. */
async function held(collection = 'docs'): Promise<Record<string, number>> {
  const { peers, collections, troubles } = await seen()
  expect(troubles).toEqual([])
  const found = collections.find(({ name }) => name === collection)
  expect(found?.transfers).toEqual([])
  const copies = found?.copies ?? []
  expect(copies.filter(({ state }) => state !== 'Active')).toEqual([])
  return Object.fromEntries(
    peers.map(({ id, name }) => [name, copies.filter(({ peer }) => peer === id).length] as const),
  )
}

/** Nobody is reached through it meanwhile; what runs runs on. */
async function withoutApiServer(ms: number): Promise<void> {
  await node().crash()
  await sleep(ms)
  await node().comeBack()
}

/** The command that something is done to in its middle ends well, or says how it is ended; then the same ends it. */
async function endsInTheEnd(
  command: { readonly ended: Promise<{ readonly code: number; readonly err: string }> },
  args: readonly string[],
): Promise<void> {
  const { code, err } = await command.ended
  expect([0, 4], err).toContain(code)
  if (code === 4) expect(err).toMatch(/[Tt]he same command goes on from there/)
  await expect
    .poll(() => pods('vector').filter((pod) => !isReady(pod)).length, { timeout: 120_000, interval: 1_000 })
    .toBe(0)
  await done(...args)
}

describe('a Qdrant cluster on a real node', { timeout: 400_000 }, () => {
  beforeAll(async () => {
    await place().write('queries.txt', 'What is a shard?\n')
    await done('up', ...patience)
    connection = await place().connect()
    points = pointsAt(balancer)
    await points.fill()
  }, 400_000)
  afterAll(async () => await connection?.close())

  test('is shown node by node, each asked for itself', async () => {
    const { peers, collections } = await seen()
    expect(peers.map(({ name, up }) => ({ name, up }))).toEqual(
      [1, 2, 3].map((number) => ({ name: `vector-${number}`, up: true })),
    )
    expect(collections[0]?.copies.filter(({ points: count }) => count === null)).toEqual([])
    expect(await held()).toEqual({ 'vector-1': 2, 'vector-2': 2, 'vector-3': 2 })
    expect(await plan()).toMatchObject({ steps: [] })
  })

  test('gets the copies that a raised replication asks for, each named before, though the API server is away for a while', async () => {
    await place().change({ 'tiers.vector.collection.replication': 2 })
    await done('up', ...patience)
    const copies = (await plan()).steps.filter(({ kind }) => kind === 'transfer').map(({ what }) => what)
    expect(copies).toHaveLength(shards)
    for (const what of copies) expect(what).toMatch(/^copy shard \d of docs from vector-\d to vector-\d$/)
    const applying = place().start('vector', 'apply', '--yes')
    await underWay(points)
    await withoutApiServer(8_000)
    const { code, err } = await applying.ended
    expect(code, err).toBe(0)
    expect(err).toMatch(/asking again for \d+ s/)
    expect(await held()).toEqual({ 'vector-1': 4, 'vector-2': 4, 'vector-3': 4 })
    expect(await plan()).toMatchObject({ steps: [] })
    await points.expectEveryPoint()
  })

  test('gives a node that joined its share, though that is killed while a shard is on its way to it', async () => {
    await done('scale', 'vector=4', ...patience)
    const joined = podOf('vector-4')
    const args = ['vector', 'apply', '--yes']
    const applying = place().start(...args)
    await underWay(points)
    await killContainer(joined)
    await endsInTheEnd(applying, args)
    expect(await held()).toEqual({ 'vector-1': 3, 'vector-2': 3, 'vector-3': 3, 'vector-4': 3 })
    await points.expectEveryPoint()
  })

  test.each([['up'], ['scale', 'vector=3']])(
    'keeps a node that holds shards from being taken away by %s, and says what empties it',
    async (...args) => {
      const { code, err } = await place().command(...args, ...patience)
      expect(code, err).toBe(4)
      expect(err).toContain('vector-4 holds 3 shards, which would go with it')
      expect(err).toContain('ragscale vector apply --drain vector-4')
      expect(pods('vector')).toHaveLength(4)
    },
  )

  test('lets a node go that was drained, though that was killed on the way, and all that it stored', async () => {
    const args = ['vector', 'apply', '--drain', 'vector-4', '--yes']
    const leaving = podOf('vector-4')
    const applying = place().start(...args)
    await underWay(points)
    await killContainer(leaving)
    await endsInTheEnd(applying, args)
    expect(claims()).toContain(claimOf(3))
    await done('up', ...patience)
    expect(pods('vector')).toHaveLength(3)
    expect(claims().toSorted()).toEqual([0, 1, 2].map(claimOf))
    expect(await held()).toEqual({ 'vector-1': 4, 'vector-2': 4, 'vector-3': 4 })
    await points.expectEveryPoint()
  })

  test('lets the next node of that number in as a new one, and out again only once nobody counts on it', async () => {
    await done('scale', 'vector=4', ...patience)
    expect(await held()).toMatchObject({ 'vector-4': 0 })
    const refused = await place().command('up', ...patience)
    expect(refused.code, refused.err).toBe(4)
    expect(refused.err).toContain('vector-4 holds no shard, but is in the cluster')
    await done('vector', 'apply', '--drain', 'vector-4', '--yes')
    await done('up', ...patience)
    expect(Object.keys(await held())).toEqual(['vector-1', 'vector-2', 'vector-3'])
  })

  test('is copied into more shards, though a node is killed during the copy, and takes the name over', async () => {
    const args = ['vector', 'apply', '--shards', '8', '--drop-old', '--yes']
    const victim = podOf('vector-2')
    const applying = place().start(...args, ...throttle)
    await expect.poll(applying.said, { timeout: 120_000, interval: 50 }).toMatch(/pass 1: [1-9]/)
    await killContainer(victim)
    await endsInTheEnd(applying, args)
    const { collections } = await seen()
    expect(collections).toMatchObject([{ name: 'docs--8', aliases: ['docs'], shards: 8 }])
    expect(Object.values(await held('docs--8')).reduce((sum, count) => sum + count)).toBe(16)
    await points.expectEveryPoint()
    await place().change({ 'tiers.vector.collection.shards': 8 })
    await done('up', ...patience)
    expect(await plan()).toMatchObject({ steps: [], notes: [] })
  })

  test('answers every question while its name is turned to another count of shards, and keeps the old until it is told', async () => {
    const asking = keepAsking(`${balancer()}/collections/docs/points/search`, () => ({
      vector: [1, 5, 2, 3],
      limit: 3,
    }))
    let said = ''
    try {
      const { code, err } = await place().command('vector', 'apply', '--shards', '12', '--yes')
      said = err
      expect(code, err).toBe(0)
      const count = asking.asked.length
      await expect.poll(() => asking.asked.length, { timeout: 60_000 }).toBeGreaterThan(count + 20)
    } finally {
      await asking.stop()
    }
    expect(said).toMatch(/^pass 1: \d+ of 30000 points \(\d+ %\), \d+ written$/m)
    expect(asking.asked.length).toBeGreaterThan(100)
    expect(asking.asked.filter(({ outcome }) => outcome !== 200)).toEqual([])
    const aliases = async () => (await seen()).collections.map(({ name, aliases: its }) => ({ name, its }))
    expect(await aliases()).toEqual([
      { name: 'docs--12', its: ['docs'] },
      { name: 'docs--8', its: [] },
    ])
    await points.expectEveryPoint()
    expect((await plan('--shards', '12')).notes).toContain(
      'docs--8 stands beside docs--12 and serves nobody: --drop-old removes it',
    )
    await done('vector', 'apply', '--shards', '12', '--drop-old', '--yes')
    expect(await aliases()).toEqual([{ name: 'docs--12', its: ['docs'] }])
  })

  test('is copied to the end though the API server is away for a while, and by the next call where it is for longer', async () => {
    const args = ['vector', 'apply', '--shards', '6', '--drop-old', '--yes']
    const applying = place().start(...args, ...throttle)
    await expect.poll(applying.said, { timeout: 120_000, interval: 50 }).toMatch(/pass 1: [1-9]/)
    await withoutApiServer(8_000)
    const { code, err } = await applying.ended
    expect(code, err).toBe(0)
    expect(err).toMatch(/asking again for \d+ s/)
    await points.expectEveryPoint()
    const longer = ['vector', 'apply', '--shards', '4', '--yes']
    const failing = place().start(...longer, ...throttle)
    await expect.poll(failing.said, { timeout: 120_000, interval: 50 }).toMatch(/pass 1: [1-9]/)
    await node().crash()
    const failed = await failing.ended
    await node().comeBack()
    expect(failed.code, failed.err).toBe(4)
    expect(failed.err).toMatch(
      /no node of the cluster can be asked: the API server of context test .* does not answer/,
    )
    expect(failed.err).toContain('The same command goes on from there. docs--6 is as it was')
    await points.expectEveryPoint()
    await done(...longer, '--drop-old')
    await points.expectEveryPoint()
    expect(Object.values(await held('docs--4')).reduce((sum, count) => sum + count)).toBe(8)
  })

  test('leaves nothing when it is taken down with its volumes', async () => {
    await done('down', '--volumes', ...patience)
    // After the API server was away a controller is late with the addresses of Services.
    await expect.poll(() => leftIn(node(), namespace), { timeout: 120_000, interval: 1_000 }).toEqual([])
  })
})
