/**
 * Seeded stacks of emulators whose laws the recommender is not told, measured as `ragscale loadtest` would and
 * examined at what was recommended. Only this file knows both sides.
 */
import type { Measurement, MeasuredStep, Distribution } from '../../../src/capacity/types.ts'
import type { BalancerPolicy, Emulation, ReplicaTierName, ServiceLaw, Slo } from '../../../src/stack/stack.ts'
import { runVirtual, type VirtualLoad } from '../../../src/services/emulators/virtual.ts'

export interface HiddenTier {
  readonly name: ReplicaTierName
  readonly policy: BalancerPolicy
  readonly emulation: Emulation
  /** Exact: servers ÷ mean service, or a full batch ÷ its mean time. */
  readonly knee: number
}

export interface HiddenStack {
  readonly seed: number
  readonly rate: number
  readonly tiers: readonly HiddenTier[]
  /** Standard deviation of the logarithm of a factor that a query's work has in every tier. */
  readonly shared: number
  readonly slo: readonly Slo[]
}

const inputTokens = 64
const windowSeconds = 30
const warmupSeconds = 5
/** Of the knee, each ± 8 %: a user does not know it. */
const sweepRates = [0.12, 0.28, 0.44, 0.6, 0.75, 0.9, 1.05, 1.25]

/** Uniform numbers of a seed (SplitMix32): this file shares no generator with either side. */
export function uniforms(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = state ^ (state >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296
  }
}

export function drawStack(seed: number): HiddenStack {
  const uniform = uniforms(seed * 7919)
  const between = (low: number, high: number): number => low + (high - low) * uniform()
  const one = <T>(values: readonly T[]): T => values[Math.floor(uniform() * values.length)]!
  const names = (['gateway', 'embed', 'rerank', 'generate'] as const).slice(0, 1 + Math.floor(uniform() * 4))
  const rate = Math.round(between(80, 500))
  const shared = uniform() < 0.25 ? between(0.3, 0.8) : 0
  // Half of the stacks wait where a shared queue would not, and have the tighter limits: there the SLO decides.
  const tight = uniform() < 0.5
  const policies = tight
    ? (['round-robin', 'random', 'least-connections'] as const)
    : (['least-connections', 'least-connections', 'least-connections', 'round-robin', 'random'] as const)
  const tiers = names.map((name): HiddenTier => {
    const policy = one(policies)
    const knee = rate / (between(1, 6) * between(0.55, 0.95))
    const servers = tight ? one([1, 1, 2, 3]) : Math.floor(between(1, 9))
    return {
      name,
      policy,
      knee,
      emulation: uniform() < 0.15 ? batching(knee, between, one) : fifo(knee, servers, between, one),
    }
  })
  const idle = run(
    { tiers, shared },
    tiers.map(() => 1),
    { rate: 0.002 * Math.min(...tiers.map((tier) => tier.knee)), queries: 20_000, warmup: 0, seed: seed + 1 },
  )
  const unloaded = idle.latencyMs.slice().sort()
  const times = tight ? between(2, 4) : between(2, 8)
  const both = uniform()
  const slo: Slo[] = []
  if (both < 0.66) slo.push(latencyWithin('p95', times * quantile(unloaded, 0.95)))
  if (both > 0.33) slo.push(latencyWithin('p99', times * quantile(unloaded, 0.99)))
  return { seed, rate, tiers, shared, slo }
}

type Between = (low: number, high: number) => number
type One = <T>(values: readonly T[]) => T

function fifo(knee: number, servers: number, between: Between, one: One): Emulation {
  const meanMs = (1000 * servers) / knee
  const laws: ServiceLaw[] = [
    { kind: 'exponential', meanMs },
    { kind: 'fixed', meanMs },
    { kind: 'lognormal', meanMs, cv: between(0.3, 2) },
    { kind: 'bimodal', meanMs, slowShare: between(0.03, 0.2), slowFactor: between(3, 10) },
  ]
  return { model: 'fifo', law: one(laws), servers, queueLimit: null }
}

function batching(knee: number, between: Between, one: One): Emulation {
  const full = Math.floor(between(4, 32))
  const fullMs = (1000 * full) / knee
  const overheadMs = fullMs * between(0.2, 0.8)
  return {
    model: 'batching',
    overheadMs,
    msPerToken: (fullMs - overheadMs) / (full * inputTokens),
    maxBatchTokens: full * inputTokens,
    maxConcurrent: 1_000_000,
    cv: one([0, 0.1, 0.3]),
  }
}

export function latencyWithin(percentile: 'p50' | 'p95' | 'p99', limit: number): Slo {
  return {
    on: `pipeline.latency.${percentile}`,
    stage: 'pipeline',
    metric: 'latency',
    percentile,
    limit,
    unit: 'ms',
  }
}

type Examined = Pick<HiddenStack, 'tiers' | 'shared'>

export function run(
  stack: Examined,
  replicas: readonly number[],
  load: Omit<VirtualLoad, 'arrivals' | 'work' | 'inputTokens'>,
) {
  const factors = stack.shared === 0 ? null : sharedWork(load.queries + load.warmup, stack.shared, load.seed)
  return runVirtual(
    stack.tiers.map(({ name, policy, emulation }, i) => ({
      name,
      policy,
      emulation,
      replicas: replicas[i]!,
    })),
    {
      ...load,
      arrivals: { kind: 'poisson' },
      inputTokens,
      ...(factors === null ? {} : { work: (query) => factors[query]! }),
    },
  )
}

/** Lognormal factors of mean 1. */
function sharedWork(queries: number, deviation: number, seed: number): Float64Array {
  const uniform = uniforms(seed + 99)
  return Float64Array.from({ length: queries }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
    return Math.exp(deviation * normal - deviation ** 2 / 2)
  })
}

/** What `ragscale loadtest --scenario sweep` would have recorded: each tier alone, one replica; and the pipeline at a low rate. */
export function measure(stack: HiddenStack): Measurement[] {
  const uniform = uniforms(stack.seed * 104_729)
  const alone = stack.tiers.map((tier, i): Measurement => {
    const steps = sweepRates.map((share, j) => {
      const rate = share * tier.knee * (0.92 + 0.16 * uniform())
      const result = run(
        { ...stack, tiers: [tier] },
        [1],
        loadOf(rate, windowSeconds, stack.seed * 1000 + i * 20 + j),
      )
      return stepOf(`s${j + 1}`, result)
    })
    return {
      run: `sweep-${tier.name}`,
      stage: tier.name === 'gateway' ? 'pipeline' : (tier.name as 'embed'),
      tier: tier.name,
      replicas: 1,
      steps,
    }
  })
  if (stack.tiers.length === 1) return alone
  const rate = 0.15 * Math.min(...stack.tiers.map((tier) => tier.knee))
  const whole = run(
    stack,
    stack.tiers.map(() => 1),
    loadOf(rate, 2 * windowSeconds, stack.seed * 1000 + 999),
  )
  const steps = [stepOf('s1', whole)]
  const counts = Object.fromEntries(stack.tiers.map((tier) => [tier.name, 1]))
  return [...alone, { run: 'pipeline', stage: 'pipeline', tier: null, replicas: 1, counts, steps }]
}

function loadOf(rate: number, seconds: number, seed: number) {
  const warmup = Math.round((rate * seconds * warmupSeconds) / windowSeconds)
  return { rate, queries: Math.round(rate * seconds), warmup, seed }
}

/** Rates are counted over the time that arrivals took, which is known from when the last query left. */
function stepOf(id: string, { latencyMs, elapsedMs }: ReturnType<typeof run>): MeasuredStep {
  const queries = latencyMs.length
  const share = windowSeconds / (windowSeconds + warmupSeconds)
  const arrivedSeconds = (elapsedMs - latencyMs.at(-1)!) / 1000
  const seconds = share * arrivedSeconds
  const rate = queries / seconds
  const steady = { valid: true, saturated: false, errorsShare: 0, warmupSeconds: arrivedSeconds - seconds }
  return {
    id,
    ...steady,
    seconds,
    offered: rate,
    achieved: rate,
    completed: rate,
    samples: histogram(latencyMs),
  }
}

/** Three significant digits, as HdrHistogram keeps. */
export function histogram(values: Float64Array): Distribution {
  const counts = new Map<number, number>()
  for (const value of values) {
    const kept = Number(value.toPrecision(3))
    counts.set(kept, (counts.get(kept) ?? 0) + 1)
  }
  return [...counts].sort((a, b) => a[0] - b[0])
}

/** Nearest rank, of values that are sorted. */
export function quantile(sorted: Float64Array, probability: number): number {
  return sorted[Math.ceil(probability * sorted.length) - 1]!
}

/** Largest of latency ÷ limit over the SLOs, in a fresh run. */
export function examine(
  stack: HiddenStack,
  replicas: readonly number[],
  queries: number,
): { readonly sorted: Float64Array; readonly worst: number } {
  const load = { rate: stack.rate, queries, warmup: Math.round(queries / 10), seed: stack.seed + 5_000_000 }
  const sorted = run(stack, replicas, load).latencyMs.slice().sort()
  const shares = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p999: 0.999 }
  const worst = Math.max(...stack.slo.map((slo) => quantile(sorted, shares[slo.percentile!]) / slo.limit))
  return { sorted, worst }
}
