/** A Qdrant cluster of three emulated nodes on Compose, with points in it that can be told apart. */
import { expect } from 'vitest'
import type { EngineEnv } from '../../engine/engine.ts'
import { type EnginePlace, enginePlace } from './place.ts'
import { type Points, type Seen, pointsAt } from './vector-points.ts'

const shards = 4

export const stack = (replication: number): string => `name: handbook
target: compose
rehearse: true
tiers:
  vector:
    component: qdrant
    nodes: 3
    collection: { name: docs, dimensions: 4, distance: Cosine, points: 100_000, shards: ${shards}, replication: ${replication} }
balancer: { component: nginx, image: 'nginx:test' }
workload: { rate: 4/s, queries: queries.txt, seed: 7 }
`

export interface VectorPlace extends EnginePlace, Points {
  seen(): Promise<Seen>
  /** So that `vector apply` has a shard to move, from vector-1 to vector-3. */
  makeUneven(): Promise<void>
  /** A function that kills a node at once, and for good: asking the engine for it takes longer than a transfer. */
  killer(node: string): Promise<() => void>
  /** As asked for, and nothing half done: every copy is active, and there is nothing to do. */
  expectWhole(collections: readonly string[], copies: number): Promise<void>
}

/** Up, and with every point in it. */
export async function vectorPlace(env: EngineEnv, replication: number): Promise<VectorPlace> {
  const place = await enginePlace(env, stack(replication), 580_000)
  const up = await place.ragscale('up')
  expect(up, up.stderr).toMatchObject({ exitCode: 0 })

  const points = pointsAt(() => place.urls.vector)
  const seen = async (): Promise<Seen> => (await place.json('vector', 'status')) as Seen

  await points.fill()

  return {
    ...place,
    ...points,
    seen,
    makeUneven: async () => {
      const { peers, collections } = await seen()
      const idOf = (name: string) => peers.find((peer) => peer.name === name)!.id
      const [to, from] = [idOf('vector-1'), idOf('vector-3')]
      const held = collections.find(({ name }) => name === 'docs')!.copies.filter(({ peer }) => peer === from)
      for (const { shard } of held) {
        const move = `{"move_shard":{"shard_id":${shard},"from_peer_id":${from},"to_peer_id":${to},"method":"stream_records"}}`
        await points.ask('POST', '/collections/docs/cluster', move)
        await expect
          .poll(async () => (await seen()).collections[0]!.transfers, { timeout: 60_000, interval: 500 })
          .toEqual([])
      }
    },
    killer: async (node) => {
      const found = (await place.containers()).find(({ name }) => name.includes(`-${node}-`))
      const name = found?.name ?? node
      await place.docker('update', '--restart', 'no', name)
      const pid = Number(await place.docker('inspect', '--format', '{{.State.Pid}}', name))
      return () => void process.kill(pid, 'SIGKILL')
    },
    expectWhole: async (names, copies) => {
      const { collections, troubles } = await seen()
      expect(troubles).toEqual([])
      expect(collections.map(({ name }) => name)).toEqual(names)
      for (const one of collections) {
        expect(one.transfers).toEqual([])
        expect(one.copies).toHaveLength(one.shards * copies)
      }
      const plan = (await place.json('vector', 'plan')) as { steps: object[] }
      expect(plan.steps).toEqual([])
    },
  }
}
