/** A Qdrant cluster of emulators in a swarm of one node: its nodes by their own addresses, its shards where they belong. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { type SwarmPlace, swarmPlace } from './swarm-place.ts'

const withinMs = 300_000
vi.setConfig({ testTimeout: withinMs + 60_000, hookTimeout: 300_000 })

const yaml = (replication: number): string => `name: handbook
target: swarm
rehearse: true
tiers:
  embed: { component: tei, model: BAAI/bge-small-en-v1.5 }
  vector:
    component: qdrant
    nodes: 2
    collection: { name: docs, dimensions: 384, distance: Cosine, points: 1_000, shards: 4, replication: ${replication} }
balancer: { component: nginx, image: 'nginx:test' }
workload: { rate: 3/s, queries: queries.txt, seed: 7 }
`

interface Status {
  readonly peers: readonly { readonly id: string; readonly name: string }[]
  readonly collections: readonly {
    readonly copies: readonly { readonly peer: string; readonly state: string }[]
  }[]
}

describeWithEngine('a Qdrant cluster on Swarm', (env) => {
  let place: SwarmPlace
  /** Active copies of shards by the node that holds them. */
  const held = async (): Promise<Record<string, number>> => {
    const { peers, collections } = (await place.json('vector', 'status')) as Status
    const copies = collections.flatMap((collection) => collection.copies)
    expect(new Set(copies.map(({ state }) => state))).toEqual(new Set(['Active']))
    const nameOf = (id: string) => peers.find((peer) => peer.id === id)?.name ?? id
    return Object.fromEntries(
      [...Map.groupBy(copies, ({ peer }) => nameOf(peer))].map(([node, some]) => [node, some.length]),
    )
  }

  beforeAll(async () => {
    place = await swarmPlace(env, yaml(1), { withinMs })
    await writeFile(join(place.folder, 'queries.txt'), 'What is a shard?\n')
    await place.initSwarm()
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
  })
  afterAll(async () => {
    await place.leave()
    await place.leaveSwarm()
  })

  test('is shown node by node though no port of it is published', async () => {
    expect(await held()).toEqual({ 'vector-1': 2, 'vector-2': 2 })
    expect(await place.json('vector', 'plan')).toMatchObject({ steps: [] })
  })

  test('gets the copies that a raised replication asks for', async () => {
    await place.write(yaml(2))
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    const apply = await place.ragscale('vector', 'apply', '--yes')
    expect(apply, apply.stderr).toMatchObject({ exitCode: 0 })
    expect(await held()).toEqual({ 'vector-1': 4, 'vector-2': 4 })
    expect(await place.json('vector', 'plan')).toMatchObject({ steps: [] })
  })

  test('gives a node that joined its share, and takes one out that is drained, before it may be stopped', async () => {
    const scale = await place.ragscale('scale', 'vector=3')
    expect(scale, scale.stderr).toMatchObject({ exitCode: 0 })
    const apply = await place.ragscale('vector', 'apply', '--yes')
    expect(apply, apply.stderr).toMatchObject({ exitCode: 0 })
    const counts = Object.values(await held())
    expect(counts).toHaveLength(3)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)

    const refused = await place.ragscale('up')
    expect(refused).toMatchObject({ exitCode: 4 })
    expect(refused.stderr).toContain('ragscale vector apply --drain vector-3')
    const drain = await place.ragscale('vector', 'apply', '--drain', 'vector-3', '--yes')
    expect(drain, drain.stderr).toMatchObject({ exitCode: 0 })
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    expect(await held()).toEqual({ 'vector-1': 4, 'vector-2': 4 })
  })
})
