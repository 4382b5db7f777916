import { describe, expect, test } from 'vitest'
import { recommend } from '../../../src/capacity/recommend.ts'
import type { Measurement, Recommendation, RecommendInput, Refusal } from '../../../src/capacity/types.ts'
import type { Slo } from '../../../src/stack/stack.ts'
import { measure, type HiddenStack, type HiddenTier } from './proving-ground.ts'

const embed: HiddenTier = {
  name: 'embed',
  policy: 'least-connections',
  knee: 100,
  emulation: { model: 'fifo', law: { kind: 'exponential', meanMs: 20 }, servers: 2, queueLimit: null },
}
const rerank: HiddenTier = {
  name: 'rerank',
  policy: 'least-connections',
  knee: 400,
  emulation: { model: 'fifo', law: { kind: 'fixed', meanMs: 10 }, servers: 4, queueLimit: null },
}

const sweepsOf = (...tiers: HiddenTier[]): Measurement[] =>
  measure({ seed: 3, rate: 100, tiers, shared: 0, slo: [] } satisfies HiddenStack)

const embedSweep = sweepsOf(embed)
const bothSweeps = sweepsOf(embed, rerank)

function limit(on: string, ms: number): Slo {
  const [stage, metric, percentile] = on.split('.') as [Slo['stage'], string, Slo['percentile']]
  return {
    on,
    stage,
    metric,
    percentile: percentile ?? null,
    limit: ms,
    unit: metric === 'errors' ? 'ratio' : 'ms',
  }
}

const base: RecommendInput = {
  tiers: [{ tier: 'embed', replicas: 1 }],
  policy: 'least-connections',
  rate: 240,
  arrivals: { kind: 'poisson' },
  slo: [limit('embed.latency.p99', 400)],
  limits: { replicas: 16, gpus: null, budgetPerMonth: null },
  spare: 0,
  measurements: embedSweep,
  prices: { date: '2026-11-01', currency: 'USD', gpuHour: { L4: 0.8 }, replicaHour: {} },
  seed: 1,
}

function recommended(change: Partial<RecommendInput>): Recommendation {
  const answer = recommend({ ...base, ...change })
  if (!answer.ok) throw new Error(answer.refusal.because)
  return answer.recommendation
}

function refused(change: Partial<RecommendInput>): Refusal {
  const answer = recommend({ ...base, ...change })
  if (answer.ok) throw new Error('there was an answer')
  return answer.refusal
}

describe('what is not known is said', () => {
  test('without a measurement there is no count, and the command that would give one', () => {
    const { because, run } = refused({ measurements: [] })
    expect(because).toContain('embed: nothing was measured of it')
    expect(run).toEqual(['ragscale loadtest --stage embed --scenario sweep'])
  })

  test('a sweep of which nothing may be believed is no measurement', () => {
    const [sweep] = embedSweep
    const invalid = { ...sweep!, steps: sweep!.steps.map((step) => ({ ...step, valid: false })) }
    expect(refused({ measurements: [invalid] }).because).toContain('none of its steps may be believed')
    expect(refused({ measurements: [{ ...sweep!, steps: [] }] }).because).toContain('its runs have no steps')
  })

  test('a tier that was not measured gets no count, and an SLO of the whole pipeline no verdict', () => {
    const answer = recommended({
      tiers: [...base.tiers, { tier: 'generate', replicas: 1 }],
      slo: [limit('pipeline.latency.p99', 900)],
    })
    expect(answer.tiers.generate).toBeUndefined()
    expect(answer.unmeasured).toEqual([
      { tier: 'generate', run: 'ragscale loadtest --stage generate --scenario sweep' },
    ])
    expect(answer.slo[0]).toMatchObject({
      ok: null,
      predicted: null,
      because: 'nothing was measured of generate',
    })
    expect(answer.tiers.embed?.then.replicas).toBe(3)
  })

  test('a sweep that never reached the knee allows no more than its highest rate a replica, with low confidence beyond', () => {
    const [sweep] = embedSweep
    const gentle = { ...sweep!, steps: sweep!.steps.slice(0, 4) }
    const { embed } = recommended({ measurements: [gentle] }).tiers
    expect(embed!.kneePerReplica).toBeNull()
    expect(embed!.capacityPerReplica).toBeCloseTo(gentle.steps.at(-1)!.offered, 0)
    expect(embed!.because.join(' ')).toContain('No rate was past the knee')
  })
})

describe('counts', () => {
  test('hold the rate below 85 % of the knee, with the fewest replicas', () => {
    const { embed } = recommended({}).tiers
    expect(embed!.kneePerReplica! / 100).toBeCloseTo(1, 1)
    expect([embed!.now.replicas, embed!.then.replicas, embed!.boundBy]).toEqual([1, 3, 'utilization'])
    expect(embed!.utilization).toBeLessThanOrEqual(0.85)
  })

  test('grow where an SLO asks for it, and say which', () => {
    const { embed } = recommended({ slo: [limit('embed.latency.p99', 98)] }).tiers
    expect(embed!.then.replicas).toBeGreaterThan(3)
    expect(embed!.boundBy).toBe('latency.p99')
    expect(embed!.because.join(' ')).toContain('breaks embed.latency.p99')
    expect(embed!.capacityPerReplica).toBeLessThan(85)
  })

  test('have as many to spare as asked, and grow with the growth', () => {
    const spared = recommended({ spare: 1 }).tiers.embed!
    expect([spared.then.replicas, spared.boundBy]).toEqual([4, 'spare'])
    const grown = recommended({ growth: 2 })
    expect(grown.tiers.embed!.then.replicas).toBe(6)
    expect(grown.for).toMatchObject({ rate: 240, growth: 2 })
  })

  test('are the same again with the same seed', () => {
    expect(recommended({})).toEqual(recommended({}))
  })

  test('of today suffice or not', () => {
    expect(recommended({}).sufficient).toBe(false)
    expect(recommended({ tiers: [{ tier: 'embed', replicas: 3 }] }).sufficient).toBe(true)
    expect(recommended({ tiers: [{ tier: 'embed', replicas: 3 }], spare: 1 }).sufficient).toBe(false)
  })

  test('of tiers behind a cache follow their visits', () => {
    expect(
      recommended({ tiers: [{ tier: 'embed', replicas: 1, visits: 0.3 }] }).tiers.embed!.then.replicas,
    ).toBe(1)
  })
})

describe('what stands against it is said', () => {
  test('an SLO below the work itself is out of reach, and replicas are not heaped up for it', () => {
    const answer = recommended({ slo: [limit('embed.latency.p99', 60)] })
    expect(answer.feasible).toBe(false)
    expect(answer.notes.join(' ')).toContain('No counts meet embed.latency.p99')
    expect(answer.tiers.embed!.then.replicas).toBeLessThan(12)
  })

  test('limits that are too narrow are named', () => {
    const answer = recommended({ limits: { replicas: 2, gpus: null, budgetPerMonth: null } })
    expect(answer.feasible).toBe(false)
    expect(answer.notes.join(' ')).toContain('limits.replicas is 2')
  })

  test('failures that more replicas do not mend break an SLO on errors, and count as infinite latencies', () => {
    const [sweep] = embedSweep
    const failing = { ...sweep!, steps: sweep!.steps.map((step) => ({ ...step, errorsShare: 0.015 })) }
    const answer = recommended({
      measurements: [failing],
      slo: [limit('embed.errors', 0.001), limit('embed.latency.p99', 400)],
    })
    expect(answer.slo.map(({ ok }) => ok)).toEqual([false, false])
    expect(answer.feasible).toBe(false)
  })
})

describe('a pipeline', () => {
  const tiers = [
    { tier: 'embed', replicas: 2 },
    { tier: 'rerank', replicas: 1 },
  ] as const
  const both = { tiers, measurements: bothSweeps, slo: [limit('pipeline.latency.p95', 400)] }

  test('has its bottleneck where capacity × replicas ÷ visits is lowest, not where most of the latency is', () => {
    expect(recommended(both).bottleneck.tier).toBe('embed')
    const wide = recommended({
      ...both,
      tiers: [
        { tier: 'embed', replicas: 9 },
        { tier: 'rerank', replicas: 1 },
      ],
    })
    expect(wide.bottleneck.tier).toBe('rerank')
    expect(wide.bottleneck.capacity / 340).toBeCloseTo(1, 1)
  })

  test('finds a tier that was only seen inside it, and trusts that less', () => {
    const whole = bothSweeps.find(({ tier }) => tier === null)!
    const inside = {
      ...whole,
      steps: whole.steps.map((step) => ({
        ...step,
        tiers: {
          rerank: [
            [10, 900],
            [10.5, 100],
          ] as const,
        },
      })),
    }
    const answer = recommended({ ...both, measurements: [bothSweeps[0]!, inside] })
    expect(answer.tiers.rerank!.confidence).toBe('low')
    expect(answer.tiers.rerank!.because[0]).toContain('Read from the spans of a pipeline')
  })

  test('costs what its replicas cost, and names what has no price', () => {
    const answer = recommended({
      ...both,
      tiers: [{ tier: 'embed', replicas: 1, gpu: 'L4', gpus: 1 }, tiers[1]],
    })
    expect(answer.cost).toMatchObject({ currency: 'USD', pricesOf: '2026-11-01', unpriced: ['rerank'] })
    expect(answer.cost.perMonth).toBeCloseTo(answer.tiers.embed!.then.replicas! * 0.8 * 730, 0)
  })
})

test('every sentence of a reason is a sentence', () => {
  for (const sentence of recommended({ spare: 1 }).tiers.embed!.because)
    expect(sentence).toMatch(/^[A-Z0-9].*\.$/)
})
