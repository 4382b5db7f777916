import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { arrivalsOf } from '../../../src/capacity/arrivals.ts'
import { serveBatching } from '../../../src/capacity/batching.ts'
import { serveContinuous } from '../../../src/capacity/continuous.ts'
import { tableMean, tableSize } from '../../../src/capacity/distribution.ts'
import { quantilesWithin } from '../../../src/capacity/estimate.ts'
import { serveFifo } from '../../../src/capacity/fifo.ts'
import type { SimulatedTier } from '../../../src/capacity/model.ts'
import { orderOf } from '../../../src/capacity/order.ts'
import { erlangC, meanWait, mm1Quantile } from '../../../src/capacity/queueing.ts'
import { randomOf } from '../../../src/capacity/random.ts'
import { PipelineSimulation } from '../../../src/capacity/simulate.ts'

const poisson = { kind: 'poisson' } as const

/** Latencies of M/M/c at this load, mean service 10 ms. */
function exponentialQueue(
  servers: number,
  load: number,
  queries: number,
  replicas = 1,
  policy: 'least-connections' | 'round-robin' | 'random' = 'random',
) {
  const random = randomOf(11, servers)
  const arrivals = arrivalsOf(poisson, 100 * servers * replicas * load, queries, random)
  const services = arrivals.map(() => 10 * random.exponential())
  const leaving = serveFifo({ replicas, servers, policy }, arrivals, services, random)
  return {
    latencies: leaving.map((time, i) => time - arrivals[i]!),
    waits: leaving.map((time, i) => time - arrivals[i]! - services[i]!),
  }
}

describe('queues of servers', () => {
  test.each([0.5, 0.7, 0.85])(
    'M/M/1 at a load of %f has its closed mean and P99 within the interval of batch means',
    (load) => {
      const { latencies } = exponentialQueue(1, load, 2_000_000)
      const [p99] = quantilesWithin(latencies, [0.99])
      expect(Math.abs(p99!.value - 1000 * mm1Quantile(100 * load, 100, 0.99))).toBeLessThan(
        1.5 * p99!.halfWidth,
      )
      expect(p99!.halfWidth / p99!.value).toBeLessThan(0.05)
    },
  )

  test.each([
    [4, 0.7],
    [4, 0.85],
    [8, 0.85],
  ])('M/M/%i at a load of %f waits as often and as long as Erlang says', (servers, load) => {
    const { waits } = exponentialQueue(servers, load, 1_000_000)
    const waiting = waits.filter((wait) => wait > 1e-9).length / waits.length
    const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length
    expect(waiting / erlangC(servers, servers * load)).toBeCloseTo(1, 1)
    expect(mean / meanWait(servers, (servers * load) / 10, 10)).toBeCloseTo(1, 1)
  })

  test('at 8 servers and 85 % load, round robin and random take far longer at P99 than a shared queue', () => {
    const p99 = (latencies: Float64Array) => latencies.slice().sort()[Math.floor(0.99 * latencies.length)]!
    const shared = p99(exponentialQueue(8, 0.85, 600_000).latencies)
    const robin = p99(exponentialQueue(1, 0.85, 600_000, 8, 'round-robin').latencies)
    const random = p99(exponentialQueue(1, 0.85, 600_000, 8, 'random').latencies)
    const least = p99(exponentialQueue(1, 0.85, 600_000, 8, 'least-connections').latencies)
    expect(robin / shared).toBeGreaterThan(2.9)
    expect(robin / shared).toBeLessThan(3.9)
    expect(random / shared).toBeGreaterThan(4.9)
    expect(random / shared).toBeLessThan(6.3)
    expect(least).toBeLessThan(robin / 1.5)
  })

  test('a request that finds the tier full is shed and occupies nobody', () => {
    const arrivals = Float64Array.from([0, 1, 2, 20])
    const services = Float64Array.from([10, 10, 10, 10])
    const leaving = serveFifo(
      { replicas: 1, servers: 1, policy: 'random', maxInFlight: 2 },
      arrivals,
      services,
      randomOf(1),
    )
    expect([...leaving]).toEqual([10, 20, NaN, 30])
  })

  test('of a search over shards the slowest counts, and a node searches its own', () => {
    const arrivals = Float64Array.from([0])
    const services = Float64Array.from([5, 9, 7])
    const one = serveFifo(
      { replicas: 1, servers: 3, policy: 'random', shards: 3, replication: 1 },
      arrivals,
      services,
      randomOf(1),
    )
    expect(one[0]).toBe(9)
    const narrow = serveFifo(
      { replicas: 1, servers: 1, policy: 'random', shards: 3, replication: 1 },
      arrivals,
      services,
      randomOf(1),
    )
    expect(narrow[0]).toBe(21)
  })
})

describe('batches', () => {
  const plain = {
    replicas: 1,
    policy: 'random',
    alphaMs: 10,
    noise: new Float64Array(tableSize).fill(1),
    slowdown: 1,
  } as const

  test('what comes while a batch runs goes together in the next, as far as it fits', () => {
    const arrivals = Float64Array.from([0, 1, 2, 3])
    const own = Float64Array.from([5, 5, 5, 5])
    expect([...serveBatching({ ...plain, maxOwnMs: 100 }, arrivals, own, randomOf(1))]).toEqual([
      15, 40, 40, 40,
    ])
    expect([...serveBatching({ ...plain, maxOwnMs: 10 }, arrivals, own, randomOf(1))]).toEqual([
      15, 35, 35, 50,
    ])
  })
})

describe('token iterations', () => {
  test('a request gets its first token with the iteration that takes it up, and one more with each', () => {
    const tier = {
      replicas: 1,
      policy: 'random',
      alphaMs: 10,
      betaMs: 1,
      prefillOnceMs: 0,
      maxSequences: 8,
      slowdown: 1,
    } as const
    const { leaving, firstToken } = serveContinuous(
      tier,
      Float64Array.from([0, 5]),
      Float64Array.from([4, 6]),
      Float64Array.from([3, 2]),
      randomOf(1),
    )
    // 0–15 the first alone with its prefill; 15–33 both, with the second's prefill; 33–45 both end.
    expect([...firstToken]).toEqual([15, 33])
    expect([...leaving]).toEqual([45, 45])
  })

  test('iterations taken in a leap give what iterations one by one give', () => {
    const tier = {
      replicas: 1,
      policy: 'random',
      alphaMs: 10,
      betaMs: 0,
      prefillOnceMs: 0,
      maxSequences: 1,
      slowdown: 1,
    } as const
    const arrivals = Float64Array.from([0, 1, 2])
    const { leaving } = serveContinuous(
      tier,
      arrivals,
      new Float64Array(3),
      Float64Array.from([100, 10, 1]),
      randomOf(1),
    )
    expect([...leaving]).toEqual([1000, 1100, 1110])
  })
})

describe('a pipeline', () => {
  const service = Float64Array.from(
    { length: tableSize },
    (_, i) => -10 * Math.log(1 - (i + 0.5) / tableSize),
  )
  const tier = (name: 'embed' | 'rerank'): SimulatedTier => ({
    name,
    model: { kind: 'fifo', servers: 1, service, overheadMs: 0, shards: 1 },
    replicas: 1,
    policy: 'least-connections',
    visits: 1,
    contention: 0,
  })
  const load = { rate: 50, arrivals: poisson, queries: 20_000, warmup: 1_000, seed: 5 }

  test('is the same again with the same seed, and another with another', () => {
    const once = new PipelineSimulation([tier('embed'), tier('rerank')], load, 0).run([
      { replicas: 1 },
      { replicas: 2 },
    ])
    const again = new PipelineSimulation([tier('embed'), tier('rerank')], load, 0).run([
      { replicas: 1 },
      { replicas: 2 },
    ])
    const other = new PipelineSimulation([tier('embed'), tier('rerank')], { ...load, seed: 6 }, 0).run([
      { replicas: 1 },
      { replicas: 2 },
    ])
    expect(again.latencyMs).toEqual(once.latencyMs)
    expect(other.latencyMs).not.toEqual(once.latencyMs)
  })

  test('takes the sum of its tiers', () => {
    const { latencyMs, tierMs } = new PipelineSimulation([tier('embed'), tier('rerank')], load, 0).run([
      { replicas: 1 },
      { replicas: 2 },
    ])
    for (let i = 0; i < 200; i++) expect(tierMs[0]![i]! + tierMs[1]![i]!).toBeCloseTo(latencyMs[i]!, 6)
  })

  test('of correlated tiers has the same mean and a longer tail', () => {
    const counts = [{ replicas: 20 }, { replicas: 20 }]
    const of = (correlation: number) =>
      new PipelineSimulation([tier('embed'), tier('rerank')], load, correlation)
        .run(counts)
        .latencyMs.slice()
        .sort()
    const [independent, correlated] = [of(0), of(0.9)]
    const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length
    expect(mean(correlated) / mean(independent)).toBeCloseTo(1, 1)
    expect(correlated[19_800]! / independent[19_800]!).toBeGreaterThan(1.2)
  })

  test('sends a tier only its share of the visits', () => {
    const { tierMs } = new PipelineSimulation([{ ...tier('embed'), visits: 0.4 }], load, 0).run([
      { replicas: 1 },
    ])
    const visited = tierMs[0]!.filter((time) => time > 0).length / load.queries
    expect(visited).toBeCloseTo(0.4, 1)
    expect(tableMean(service)).toBeCloseTo(10, 1)
  })
})

test('times that are roughly in order are put in order', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { maxLength: 300 }), (times) => {
      const order = orderOf(Float64Array.from(times))
      expect([...order].sort((a, b) => a - b)).toEqual(times.map((_, i) => i))
      expect([...order].map((i) => times[i]!)).toEqual([...times].sort((a, b) => a - b))
    }),
  )
})
