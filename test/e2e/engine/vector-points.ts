/** Points of a Qdrant cluster that can be told apart, and the cluster as `vector status --json` shows it. */
import { expect } from 'vitest'

/** So many that a shard is on its way for seconds: an emulated node takes its time for each point. */
export const points = 30_000
const batch = 1_000
const sampled = 500

export interface Seen {
  readonly raft: { readonly leader: string | null }
  readonly peers: readonly { readonly id: string; readonly name: string; readonly up: boolean }[]
  readonly collections: readonly {
    readonly name: string
    readonly aliases: readonly string[]
    readonly shards: number
    readonly copies: readonly {
      readonly shard: number
      readonly peer: string
      readonly state: string
      readonly points: number | null
    }[]
    readonly transfers: readonly { readonly shard: number; readonly from: string; readonly to: string }[]
  }[]
  readonly troubles: readonly string[]
}

export interface Points {
  /** Of Qdrant's REST, at whichever node answers: its `result`. */
  ask<T>(method: string, path: string, body?: string): Promise<T>
  /** Writes every point. */
  fill(): Promise<void>
  /** What the transfers say of themselves: `Transferring records (300/15000)`. */
  comments(): Promise<string[]>
  /** Every point, by its count and by a sample of it, under the name that callers use. */
  expectEveryPoint(): Promise<void>
}

const payloadOf = (id: number): { readonly source: string } => ({ source: `doc ${id}` })

/** In collection `docs` of four dimensions; `urlOf`: a node, or a balancer before all of them. */
export function pointsAt(urlOf: () => string): Points {
  const ask = async <T>(method: string, path: string, body?: string): Promise<T> => {
    const response = await fetch(urlOf() + path, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    })
    const text = await response.text()
    expect(response.status, `${method} ${path}: ${text.slice(0, 500)}`).toBe(200)
    // Ids of peers exceed what a number holds; here they are only compared.
    return (JSON.parse(text.replaceAll(/("(?:peer_id|from|to)": ?)(\d+)/g, '$1"$2"')) as { result: T }).result
  }
  return {
    ask,
    fill: async () => {
      for (let first = 0; first < points; first += batch) {
        const some = Array.from({ length: batch }, (_, at) => ({
          id: first + at,
          vector: [1, first + at, 2, 3],
          payload: payloadOf(first + at),
        }))
        await ask('PUT', '/collections/docs/points?wait=true', JSON.stringify({ points: some }))
      }
    },
    comments: async () => {
      const { shard_transfers: transfers } = await ask<{ shard_transfers: { comment?: string }[] }>(
        'GET',
        '/collections/docs/cluster',
      )
      return transfers.map(({ comment }) => comment ?? '')
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
  }
}

/** Until a shard is on its way, and some of it has arrived. */
export async function underWay({ comments }: Pick<Points, 'comments'>): Promise<void> {
  await expect
    .poll(async () => (await comments()).join(), { timeout: 120_000, interval: 20 })
    .toMatch(/Transferring records \([1-9]/)
}
