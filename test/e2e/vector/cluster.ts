/** Emulated nodes with a collection in them, and what `ragscale vector` does to them. */
import { expect } from 'vitest'
import { type VectorCluster, applyVector, viewOf } from '../../../src/loop/vector.ts'
import type { VectorGoal, VectorStep } from '../../../src/targets/qdrant/plan.ts'
import type { ClusterView, CollectionView } from '../../../src/targets/qdrant/view.ts'
import { QdrantNodes, eventually } from '../qdrant-nodes.ts'

const dimensions = 4

export const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

export class TriedCluster {
  readonly nodes: QdrantNodes
  readonly #count: number

  private constructor(nodes: QdrantNodes, count: number) {
    this.nodes = nodes
    this.#count = count
  }

  static async start(
    count: number,
    started = count,
    more: { readonly apiKeyEnv?: string } = {},
  ): Promise<TriedCluster> {
    const tried = new TriedCluster(await QdrantNodes.start(count, more, started), count)
    // With a key nobody here may look.
    if (more.apiKeyEnv !== undefined) return tried
    await eventually(
      () => tried.view(),
      ({ peers, raft }) => peers.length === started && raft.leader !== null,
    )
    return tried
  }

  cluster(): VectorCluster {
    return {
      nodes: numbers(this.#count).map((node) => ({
        name: `vector-${node + 1}`,
        url: this.nodes.url(node),
        peerUrl: null,
      })),
      named: true,
      collection: 'docs',
      loopback: true,
      close: async () => {},
    }
  }

  async view(): Promise<ClusterView> {
    return await viewOf(this.cluster())
  }

  async apply(
    goal: VectorGoal,
    hooks: { onStep?: (step: VectorStep) => void; onCopy?: () => void; throttle?: number } = {},
  ) {
    return await applyVector(this.cluster(), goal, {
      timeoutMs: 60_000,
      throttle: hooks.throttle ?? null,
      signal: new AbortController().signal,
      onStep: hooks.onStep ?? (() => {}),
      onDone: () => {},
      onCopy: hooks.onCopy ?? (() => {}),
      agree: async () => {},
      onNotice: () => {},
    })
  }

  async ask<T>(node: number, method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(this.nodes.url(node) + path, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    expect(response.status, text).toBe(200)
    return (JSON.parse(text) as { result: T }).result
  }

  async fill(first: number, count: number, collection = 'docs'): Promise<void> {
    const points = numbers(count).map((at) => ({
      id: first + at,
      vector: [1, first + at, 2, 3],
      payload: { source: `doc ${first + at}`, chunk: at, deep: { list: [1.5, null, 'x'] } },
    }))
    await this.ask(0, 'PUT', `/collections/${collection}/points?wait=true`, { points })
  }

  async countOf(collection: string, node = 0): Promise<number> {
    const { count } = await this.ask<{ count: number }>(
      node,
      'POST',
      `/collections/${collection}/points/count`,
      {
        exact: true,
      },
    )
    return count
  }
}

export function goal(shards: number, replication: number, more: Partial<VectorGoal> = {}): VectorGoal {
  return {
    collection: {
      name: 'docs',
      dimensions,
      distance: 'Cosine',
      points: 1000,
      shards,
      replication,
      writeConsistency: 1,
      quantization: 'none',
    },
    nodes: null,
    name: 'docs',
    drain: [],
    shards: null,
    dropOld: false,
    ...more,
  }
}

/** Copies on each node, by its name; fails where one is not active. */
export function spread({ peers }: ClusterView, { copies }: CollectionView): Record<string, number> {
  expect(copies.filter(({ state }) => state !== 'Active')).toEqual([])
  return Object.fromEntries(
    peers.map(({ id, name }) => [name, copies.filter(({ peer }) => peer === id).length]),
  )
}
