import { describe, expect, it } from 'vitest'
import { runVirtual } from '../../../../src/services/emulators/virtual.ts'
import type { VirtualLoad, VirtualTier } from '../../../../src/services/emulators/virtual.ts'
import type { BalancerPolicy, ServiceLaw } from '../../../../src/stack/stack.ts'

const serviceMs = 10
function fifo(law: ServiceLaw, servers = 1, replicas = 1, policy: BalancerPolicy = 'random'): VirtualTier {
  return { name: 'only', replicas, policy, emulation: { model: 'fifo', law, servers, queueLimit: null } }
}
function at(utilization: number, servers: number, queries: number, seed = 1): VirtualLoad {
  return {
    rate: (utilization * servers * 1000) / serviceMs,
    arrivals: { kind: 'poisson' },
    queries,
    warmup: 20_000,
    seed,
  }
}
const exponential = { kind: 'exponential', meanMs: serviceMs } as const
const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length

describe('a pipeline in virtual time', () => {
  const tiers: VirtualTier[] = [
    { ...fifo(exponential, 8, 2, 'least-connections'), name: 'gateway' },
    {
      name: 'embed',
      replicas: 2,
      policy: 'least-connections',
      emulation: {
        model: 'batching',
        overheadMs: 4,
        msPerToken: 0.02,
        maxBatchTokens: 16_384,
        maxConcurrent: 512,
        cv: 0.1,
      },
      inputTokens: 20,
    },
    {
      name: 'vector',
      replicas: 3,
      policy: 'least-connections',
      emulation: { model: 'search', servers: 4, baseMs: 1, msPerMillionPoints: 8, fanoutMs: 0.2, cv: 0.3 },
      collection: { points: 1e6, shards: 6, replication: 2 },
    },
    {
      name: 'generate',
      replicas: 2,
      policy: 'least-connections',
      emulation: {
        model: 'continuous',
        stepMs: 7,
        msPerSequence: 0.03,
        prefillMs: 5,
        msPerPrefillToken: 0.02,
        maxSequences: 256,
        maxBatchedTokens: 8192,
        kvTokens: 200_000,
        cv: 0.05,
      },
    },
  ]
  const load: VirtualLoad = {
    rate: 20,
    arrivals: { kind: 'poisson' },
    queries: 2000,
    warmup: 200,
    seed: 9,
    outputTokens: 32,
  }

  it('is the sum of its stages, and its first token comes before its last', () => {
    const { latencyMs, stages, firstTokenMs, refused } = runVirtual(tiers, load)
    expect(refused).toBe(0)
    expect(Object.keys(stages)).toEqual(['gateway', 'embed', 'vector', 'generate'])
    for (let query = 0; query < load.queries; query++) {
      const sum = Object.values(stages).reduce((total, stage) => total + stage[query]!, 0)
      expect(latencyMs[query]).toBeCloseTo(sum, 6)
      expect(firstTokenMs![query]).toBeLessThan(latencyMs[query]!)
    }
  })

  it('is the same for the same seed and another for another', () => {
    const again = runVirtual(tiers, load).latencyMs
    expect(runVirtual(tiers, load).latencyMs).toEqual(again)
    expect(runVirtual(tiers, { ...load, seed: 10 }).latencyMs).not.toEqual(again)
  })

  it('leaves a tier’s draws alone when another is added', () => {
    const [gateway] = tiers
    const alone = runVirtual([gateway!], load).stages['gateway']
    expect(runVirtual([gateway!, fifo(exponential, 4)], load).stages['gateway']).toEqual(alone)
  })

  it('skips a tier for the share of queries that a cache answers', () => {
    const { stages, latencyMs } = runVirtual([{ ...fifo(exponential), visits: 0.3 }], {
      ...load,
      queries: 20_000,
    })
    const visited = stages['only']!.filter((stage) => !Number.isNaN(stage)).length
    expect(visited / 20_000).toBeCloseTo(0.3, 1)
    expect(latencyMs.filter((latency) => latency === 0)).toHaveLength(20_000 - visited)
  })

  it('visits a tier several times, one after another', () => {
    const { stages } = runVirtual([{ ...fifo({ kind: 'fixed', meanMs: 10 }, 50), visits: 3 }], {
      ...load,
      rate: 1,
    })
    for (const stage of stages['only']!) expect(stage).toBeCloseTo(30)
  })

  it('correlates stages by the work of a query', () => {
    const work = (query: number) => (query % 2 === 0 ? 1 : 4)
    const pair = [
      fifo({ kind: 'fixed', meanMs: 5 }, 50),
      { ...fifo({ kind: 'fixed', meanMs: 5 }, 50), name: 'next' },
    ]
    const { latencyMs } = runVirtual(pair, { ...load, rate: 1, warmup: 0, work })
    expect(latencyMs[0]).toBeCloseTo(10)
    expect(latencyMs[1]).toBeCloseTo(40)
  })

  it('counts what is refused, as an infinite latency', () => {
    const full: VirtualTier = {
      ...fifo(exponential),
      emulation: { model: 'fifo', law: exponential, servers: 1, queueLimit: 0 },
    }
    const { refused, latencyMs } = runVirtual([full], { ...at(0.5, 1, 100_000) })
    // Erlang's loss formula with one server: a / (1 + a).
    expect(refused / 100_000).toBeCloseTo(1 / 3, 2)
    expect(latencyMs.filter((latency) => latency === Infinity)).toHaveLength(refused)
  })

  it('tells how busy each replica was', () => {
    const { busyMs, elapsedMs } = runVirtual([fifo(exponential, 1, 4, 'random')], at(0.6, 4, 200_000))
    for (const busy of busyMs['only']!) expect(busy / elapsedMs).toBeCloseTo(0.6, 1)
  })

  it('keeps the slowest shard’s time, and more shards make each faster', () => {
    const vector = tiers[2]!
    const meanOf = (shards: number, replication: number) =>
      mean(
        runVirtual([{ ...vector, collection: { points: 6e6, shards, replication } }], { ...load, rate: 5 })
          .latencyMs,
      )
    // One shard of 6 M points takes 49 ms on one thread; six of 1 M on nodes of four threads the slowest of 9 ms.
    expect(meanOf(1, 3)).toBeGreaterThan(45)
    expect(meanOf(6, 1)).toBeGreaterThan(10)
    expect(meanOf(6, 1)).toBeLessThan(16)
  })

  it('refuses numbers that make no sense', () => {
    expect(() => runVirtual([fifo(exponential)], { ...load, rate: 0 })).toThrow(RangeError)
    expect(() => runVirtual([{ ...fifo(exponential), replicas: 0 }], load)).toThrow(/replicas/)
    expect(() =>
      runVirtual([fifo(exponential)], { ...load, arrivals: { kind: 'trace', file: 'x' } }),
    ).toThrow(/trace/)
  })
})
