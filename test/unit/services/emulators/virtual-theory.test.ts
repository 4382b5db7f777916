import { describe, expect, it } from 'vitest'
import { runVirtual } from '../../../../src/services/emulators/virtual.ts'
import type { VirtualLoad, VirtualTier } from '../../../../src/services/emulators/virtual.ts'
import type { BalancerPolicy, ServiceLaw } from '../../../../src/stack/stack.ts'
import { batchMeans, p99 } from './interval.ts'
import { erlangC, giM1Sigma, mmcP99 } from './queueing.ts'

const serviceMs = 10
const exponential = { kind: 'exponential', meanMs: serviceMs } as const

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

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Whether the theory's value lies within the simulation's own 99 % interval, and that is no wider than 5 %. */
function expectTheory(values: Float64Array, of: (batch: Float64Array) => number, theory: number): void {
  const { low, high } = batchMeans(values, 40, of)
  expect((high - low) / theory).toBeLessThan(0.05)
  expect(low).toBeLessThan(theory)
  expect(high).toBeGreaterThan(theory)
}

describe('virtual time agrees with closed forms', { timeout: 120_000 }, () => {
  it('M/M/1 at 80 %: mean 50 ms and P99 230.3 ms', () => {
    const { latencyMs } = runVirtual([fifo(exponential)], at(0.8, 1, 9_000_000))
    expectTheory(latencyMs, mean, 50)
    expectTheory(latencyMs, p99, 230.3)
  })

  it.each([
    [1, 0.5, 1_500_000],
    [4, 0.5, 500_000],
    [4, 0.7, 2_000_000],
    [8, 0.7, 1_000_000],
  ])('M/M/%i at load %f: Erlang C, mean and P99', (servers, utilization, queries) => {
    const { latencyMs } = runVirtual([fifo(exponential, servers)], at(utilization, servers, queries))
    const waitMs = (erlangC(servers, servers * utilization) * serviceMs) / (servers * (1 - utilization))
    expectTheory(latencyMs, mean, serviceMs + waitMs)
    expectTheory(latencyMs, p99, mmcP99(servers, utilization, serviceMs))
  })

  it('M/M/4 at load 0.85: the mean', () => {
    const waitMs = (erlangC(4, 3.4) * serviceMs) / 0.6
    expectTheory(
      runVirtual([fifo(exponential, 4)], at(0.85, 4, 3_000_000)).latencyMs,
      mean,
      serviceMs + waitMs,
    )
  })

  it.each([
    ['M/D/1', { kind: 'fixed', meanMs: serviceMs }, 0],
    ['M/G/1 with lognormal service', { kind: 'lognormal', meanMs: serviceMs, cv: 0.7 }, 0.7],
    // A tenth takes 5 × as long: mean 1.4 units, second moment 3.4.
    [
      'M/G/1 with bimodal service',
      { kind: 'bimodal', meanMs: serviceMs, slowShare: 0.1, slowFactor: 5 },
      Math.sqrt(3.4 / 1.96 - 1),
    ],
  ] as const)('%s at load 0.7: Pollaczek and Khinchine’s mean', (_, law, cv) => {
    const { latencyMs } = runVirtual([fifo(law)], at(0.7, 1, 1_500_000))
    expectTheory(latencyMs, mean, serviceMs + ((1 + cv * cv) / 2) * (0.7 / 0.3) * serviceMs)
  })

  it('round robin over eight replicas: each has Erlang-8 arrivals', () => {
    const { latencyMs } = runVirtual([fifo(exponential, 1, 8, 'round-robin')], at(0.7, 8, 1_500_000))
    const rate = (1 - giM1Sigma(8, 0.7)) / serviceMs
    expectTheory(latencyMs, mean, 1 / rate)
    expectTheory(latencyMs, p99, Math.log(100) / rate)
  })

  it('gamma arrivals of burstiness 1 are Poisson’s', () => {
    const load = { ...at(0.7, 1, 1_500_000), arrivals: { kind: 'gamma', burstiness: 1 } as const }
    expectTheory(runVirtual([fifo(exponential)], load).latencyMs, mean, serviceMs / 0.3)
  })
})

describe('the balancer’s policy', { timeout: 120_000 }, () => {
  const p99Of = (law: ServiceLaw, servers: number, replicas: number, policy: BalancerPolicy) =>
    p99(runVirtual([fifo(law, servers, replicas, policy)], at(0.85, 8, 800_000, 5)).latencyMs)

  it('costs at eight replicas and 85 % load 3 × a shared queue’s P99 by round robin and 5 × at random', () => {
    const shared = p99Of(exponential, 8, 1, 'random')
    expect(p99Of(exponential, 1, 8, 'round-robin') / shared).toBeCloseTo(3.2, 0)
    expect(p99Of(exponential, 1, 8, 'random') / shared).toBeCloseTo(5.4, 0)
    const least = p99Of(exponential, 1, 8, 'least-connections') / shared
    expect(least).toBeGreaterThan(1)
    expect(least).toBeLessThan(1.5)
  })

  it('costs more with a service of twice the exponential’s variance', () => {
    const law: ServiceLaw = { kind: 'lognormal', meanMs: serviceMs, cv: Math.SQRT2 }
    const shared = p99Of(law, 8, 1, 'random')
    const [roundRobin, random] = [
      p99Of(law, 1, 8, 'round-robin') / shared,
      p99Of(law, 1, 8, 'random') / shared,
    ]
    expect(roundRobin).toBeGreaterThan(4)
    expect(random).toBeGreaterThan(roundRobin)
    expect(random).toBeLessThan(7.5)
  })
})
