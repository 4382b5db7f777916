import { describe, expect, test } from 'vitest'
import { providedBy } from '../../../src/capacity/provided.ts'
import { recommend } from '../../../src/capacity/recommend.ts'
import type {
  Distribution,
  MeasuredStep,
  Measurement,
  Provided,
  Recommendation,
  RecommendInput,
} from '../../../src/capacity/types.ts'
import type { Slo } from '../../../src/stack/stack.ts'

const tokens = { input: 1000, output: 200, from: 'as workload says' }
const terms = { requestsPerMinute: 600, tokensPerMinute: 1_200_000, inputPrice: 0.4, outputPrice: 1.6 }
const provided = providedBy(terms, tokens)

/** Uniform from `from` to `to` ms, in whole milliseconds. */
const uniform = (from: number, to: number): Distribution =>
  Array.from({ length: to - from + 1 }, (_, index) => [from + index, 10] as const)

const step = (offered: number, more: Partial<MeasuredStep> = {}): MeasuredStep => ({
  offered,
  achieved: offered,
  completed: offered,
  seconds: 60,
  valid: true,
  saturated: false,
  errorsShare: 0,
  samples: uniform(1000, 3000),
  ttft: uniform(200, 600),
  outputTokens: 200,
  ...more,
})
const measured = (steps: readonly MeasuredStep[]): Measurement => ({
  run: 'a-run',
  stage: 'generate',
  tier: 'generate',
  replicas: 1,
  steps,
})

const limit = (on: string, ms: number): Slo => {
  const [stage, metric, percentile] = on.split('.') as [Slo['stage'], string, Slo['percentile']]
  return { on, stage, metric, percentile, limit: ms, unit: 'ms' }
}

const base: RecommendInput = {
  tiers: [{ tier: 'generate', replicas: 1, provided }],
  policy: 'least-connections',
  rate: 5,
  arrivals: { kind: 'poisson' },
  slo: [limit('generate.latency.p95', 3000), limit('generate.ttft.p95', 600)],
  limits: { replicas: 16, gpus: null, budgetPerMonth: null },
  spare: 0,
  measurements: [measured([step(1), step(4), step(9)])],
  prices: { date: '2026-11-01', currency: 'USD', gpuHour: { L4: 0.8 }, replicaHour: {} },
  seed: 1,
}
function recommended(change: Partial<RecommendInput> = {}): Recommendation {
  const answer = recommend({ ...base, ...change })
  if (!answer.ok) throw new Error(answer.refusal.because)
  return answer.recommendation
}
const withTerms = (change: Partial<typeof terms> | Partial<Provided>) => ({
  tiers: [
    {
      tier: 'generate' as const,
      replicas: 1,
      provided: { ...providedBy({ ...terms, ...change }, tokens), ...change },
    },
  ],
})

describe('what a provider’s terms come to', () => {
  test('is the lower of its limits on requests and on tokens, for requests of this size', () => {
    expect(provided.requestsPerSecond).toBe(10)
    expect(providedBy({ ...terms, tokensPerMinute: 360_000 }, tokens).requestsPerSecond).toBe(5)
    expect(providedBy({ ...terms, requestsPerMinute: null }, tokens).requestsPerSecond).toBeCloseTo(16.667, 3)
  })

  test('is null where no limit and no price is known, and says so', () => {
    const nothing = providedBy(
      { requestsPerMinute: null, tokensPerMinute: null, inputPrice: null, outputPrice: null },
      tokens,
    )
    expect(nothing).toMatchObject({ requestsPerSecond: null, pricePerRequest: null })
    expect(nothing.because.join(' ')).toMatch(/No limit of the account is known.*price is not known/)
  })

  test('costs what its tokens cost: 1,000 read at 0.40 and 200 written at 1.60 a million are 0.00072', () => {
    expect(provided.pricePerRequest).toBeCloseTo(0.00072, 12)
  })

  test('has a price for embedding without one for what it never writes', () => {
    const embedding = providedBy({ ...terms, inputPrice: 0.02, outputPrice: null }, { ...tokens, output: 0 })
    expect(embedding.pricePerRequest).toBeCloseTo(0.000_02, 12)
  })
})

describe('a tier that a provider runs', () => {
  test('has its limits as capacity, of which 85 % are used, whatever was measured', () => {
    const { generate } = recommended().tiers
    expect(generate).toMatchObject({
      now: { replicas: 1 },
      then: { replicas: 1 },
      kneePerReplica: 10,
      capacityPerReplica: 8.5,
      capacityBand: [8.5, 8.5],
      utilization: 0.5,
      boundBy: 'provider',
      confidence: 'high',
    })
    expect(generate?.because.join(' ')).toContain('The account allows 600 requests a minute: 10/s.')
  })

  test('is as quick as it was measured, at every rate within its limits', () => {
    for (const rate of [0.5, 5, 8]) {
      const { predicted, slo } = recommended({ rate })
      expect(predicted.latency.p50 / 2000).toBeCloseTo(1, 1)
      expect(predicted.latency.p95 / 2900).toBeCloseTo(1, 1)
      expect(predicted.ttft!.p50 / 400).toBeCloseTo(1, 1)
      expect(slo.map(({ ok }) => ok)).toEqual([true, true])
    }
  })

  test('costs by the token: 5/s of 0.00072 for a month of 730 hours, and a thousand queries 0.72', () => {
    const { cost } = recommended()
    expect(cost.perMonth / (5 * 3600 * 730 * 0.00072)).toBeCloseTo(1, 3)
    expect(cost).toMatchObject({ per1kQueries: 0.72, currency: 'USD', unpriced: [] })
  })

  test('costs only what the caches let through', () => {
    const half = recommended({ tiers: [{ tier: 'generate', replicas: 1, visits: 0.5, provided }] })
    expect(half.cost.per1kQueries).toBeCloseTo(0.36, 6)
  })

  test('without a price is left out of the cost, and named', () => {
    expect(recommended(withTerms({ inputPrice: null as never })).cost).toMatchObject({
      perMonth: 0,
      unpriced: ['generate'],
    })
  })

  test('cannot hold more than its limits, and no count of anything mends that', () => {
    const { sufficient, feasible, tiers, notes } = recommended({ rate: 9 })
    expect([sufficient, feasible]).toEqual([false, false])
    expect(tiers.generate?.then).toEqual({ replicas: 1 })
    expect(notes.join(' ')).toContain('generate would get 9/s, and of the 10/s that its provider')
    expect(notes.join(' ')).toContain('ask the provider for higher limits')
  })

  test('holds more of shorter requests, where tokens are what is limited', () => {
    const change = withTerms({ requestsPerMinute: null as never, tokensPerMinute: 600_000 })
    expect(recommended({ ...change, rate: 7 }).feasible).toBe(true)
    expect(recommended({ ...change, rate: 7.2 }).feasible).toBe(false)
  })

  test('within a budget that its tokens would go beyond is not feasible', () => {
    const limits = { replicas: 16, gpus: null, budgetPerMonth: 5_000 }
    expect(recommended({ limits }).feasible).toBe(false)
    expect(recommended({ limits: { ...limits, budgetPerMonth: 10_000 } }).feasible).toBe(true)
  })

  test('has no spare: nothing of ours could be lost', () => {
    const { tiers, sufficient } = recommended({ spare: 2 })
    expect([tiers.generate?.then, sufficient]).toEqual([{ replicas: 1 }, true])
  })

  test('of unknown limits holds what was measured, and asks for them beyond that', () => {
    const change = withTerms({ requestsPerMinute: null as never, tokensPerMinute: null as never })
    expect(recommended({ ...change, rate: 9 })).toMatchObject({ feasible: true })
    const beyond = recommended({ ...change, rate: 12 })
    expect(beyond.feasible).toBe(false)
    expect(beyond.notes.join(' ')).toContain('no more than 9/s was measured of its provider')
  })

  test('says nothing of steps that its limits refused: their quick 429s are no latencies', () => {
    const refused = step(30, { errorsShare: 0.6, samples: uniform(10, 20) })
    const { predicted } = recommended({ measurements: [measured([step(4), refused])] })
    expect(predicted.latency.p50 / 2000).toBeCloseTo(1, 1)
    const answer = recommend({ ...base, measurements: [measured([refused])] })
    expect(answer).toMatchObject({ ok: false, refusal: { because: expect.stringContaining('not refused') } })
  })

  test('is known better the more its hours agree', () => {
    const spread = (slow: Distribution) =>
      recommended({ measurements: [measured([step(1), step(4, { samples: slow })])] }).predicted.latency
    const [alike, apart] = [spread(uniform(1000, 3000)), spread(uniform(2000, 6000))]
    const width = ({ p95Band, p95 }: typeof alike) => (p95Band[1] - p95Band[0]) / p95
    expect(width(apart)).toBeGreaterThan(3 * width(alike))
  })
})
