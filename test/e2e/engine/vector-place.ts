/** A Qdrant cluster of three emulated nodes on Compose, with points in it that can be told apart. */
import { expect } from 'vitest'
import type { EngineEnv } from '../../engine/engine.ts'
import { type EnginePlace, enginePlace } from './place.ts'

/** So many that a shard is on its way for seconds: an emulated node takes its time for each point. */
export const points = 30_000
const shards = 4
const batch = 1_000
const sampled = 500

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

export interface Seen {
  readonly raft: { readonly leader: string | null }
  readonly peers: readonly { readonly id: string; readonly name: string; readonly up: boolean }[]
  readonly collections: readonly {
    readonly name: string
    readonly aliases: readonly string[]
    readonly shards: number
    readonly copies: readonly { readonly shard: number; readonly peer: string; readonly state: string }[]
    readonly transfers: readonly { readonly shard: number; readonly from: string; readonly to: string }[]
  }[]
  readonly troubles: readonly string[]
}

export interface VectorPlace extends EnginePlace {
  seen(): Promise<Seen>
  /** Through the balancer, at whichever node answers. */
  ask<T>(method: string, path: string, body?: string): Promise<T>
  /** What the transfers say of themselves: `Transferring records (300/15000)`. */
  comments(): Promise<string[]>
  /** So that `vector apply` has a shard to move, from vector-1 to vector-3. */
  makeUneven(): Promise<void>
  /** Every point, by its count and by a sample of it, under the name that callers use. */
  expectEveryPoint(): Promise<void>
  /** A function that kills a node at once, and for good: asking the engine for it takes longer than a transfer. */
  killer(node: string): Promise<() => void>
  /** As asked for, and nothing half done: every copy is active, and there is nothing to do. */
  expectWhole(collections: readonly string[], copies: number): Promise<void>
}

const payloadOf = (id: number): { readonly source: string } => ({ source: `doc ${id}` })

/** Up, and with every point in it. */
export async function vectorPlace(env: EngineEnv, replication: number): Promise<VectorPlace> {
  const place = await enginePlace(env, stack(replication), 580_000)
  const up = await place.ragscale('up')
  expect(up, up.stderr).toMatchObject({ exitCode: 0 })

  const ask = async <T>(method: string, path: string, body?: string): Promise<T> => {
    const response = await fetch(place.urls.vector + path, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    })
    const text = await response.text()
    expect(response.status, `${method} ${path}: ${text.slice(0, 500)}`).toBe(200)
    // Ids of peers exceed what a number holds; here they are only compared.
    return (JSON.parse(text.replaceAll(/("(?:peer_id|from|to)": ?)(\d+)/g, '$1"$2"')) as { result: T }).result
  }
  const seen = async (): Promise<Seen> => (await place.json('vector', 'status')) as Seen

  for (let first = 0; first < points; first += batch) {
    const some = Array.from({ length: batch }, (_, at) => ({
      id: first + at,
      vector: [1, first + at, 2, 3],
      payload: payloadOf(first + at),
    }))
    await ask('PUT', '/collections/docs/points?wait=true', JSON.stringify({ points: some }))
  }

  return {
    ...place,
    ask,
    seen,
    comments: async () => {
      const { shard_transfers: transfers } = await ask<{ shard_transfers: { comment?: string }[] }>(
        'GET',
        '/collections/docs/cluster',
      )
      return transfers.map(({ comment }) => comment ?? '')
    },
    makeUneven: async () => {
      const { peers, collections } = await seen()
      const idOf = (name: string) => peers.find((peer) => peer.name === name)!.id
      const [to, from] = [idOf('vector-1'), idOf('vector-3')]
      const held = collections.find(({ name }) => name === 'docs')!.copies.filter(({ peer }) => peer === from)
      for (const { shard } of held) {
        const move = `{"move_shard":{"shard_id":${shard},"from_peer_id":${from},"to_peer_id":${to},"method":"stream_records"}}`
        await ask('POST', '/collections/docs/cluster', move)
        await expect
          .poll(async () => (await seen()).collections[0]!.transfers, { timeout: 60_000, interval: 500 })
          .toEqual([])
      }
    },
    expectEveryPoint: async () => {
      const counted = await ask<{ count: number }>('POST', '/collections/docs/points/count', '{"exact":true}')
      expect(counted.count).toBe(points)
      const ids = Array.from({ length: sampled }, (_, at) => (at * 7_919) % points)
      const body = JSON.stringify({ ids, with_payload: true })
      const found = await ask<{ id: number; payload: object }[]>('POST', '/collections/docs/points', body)
      expect(Object.fromEntries(found.map(({ id, payload }) => [id, payload]))).toEqual(
        Object.fromEntries(ids.map((id) => [id, payloadOf(id)])),
      )
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

/** Until a shard is on its way, and some of it has arrived. */
export async function underWay(place: VectorPlace): Promise<void> {
  await expect
    .poll(async () => (await place.comments()).join(), { timeout: 120_000, interval: 20 })
    .toMatch(/Transferring records \([1-9]/)
}
