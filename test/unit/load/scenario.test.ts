import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadPlanSchema } from '../../../src/load/plan.ts'
import { completePlan, maxInFlightOf, planScenario, scenarios } from '../../../src/load/scenario.ts'
import type { ScenarioOptions } from '../../../src/load/scenario.ts'
import { limit, stackWith } from './stacks.ts'

const plan = (options: Partial<ScenarioOptions>, stack = stackWith()) =>
  planScenario({ stage: 'embed', scenario: 'steady', ...options }, stack)
const rates = (options: Partial<ScenarioOptions>) => plan(options).steps.map((step) => step.toRate)

describe('a scenario becomes steps', () => {
  it('holds one rate for half a minute after a warm-up of five seconds, unless told otherwise', () => {
    expect(plan({}).steps).toEqual([
      { id: 's1', fromRate: 20, toRate: 20, warmupMs: 5_000, windowMs: 30_000, drainMs: 10_000 },
    ])
    expect(plan({ rate: 7, durationMs: 2_000, warmupMs: 0, timeoutMs: 500 }).steps).toEqual([
      { id: 's1', fromRate: 7, toRate: 7, warmupMs: 0, windowMs: 2_000, drainMs: 500 },
    ])
  })

  it('smokes with at most two requests a second for five seconds', () => {
    expect(plan({ scenario: 'smoke' }).steps).toEqual([
      { id: 's1', fromRate: 2, toRate: 2, warmupMs: 0, windowMs: 5_000, drainMs: 10_000 },
    ])
    expect(rates({ scenario: 'smoke', rate: 500 })).toEqual([2])
    expect(rates({ scenario: 'smoke', rate: 1 })).toEqual([1])
  })

  it('ramps to the rate in one step', () => {
    expect(plan({ scenario: 'ramp', rate: 50 }).steps).toMatchObject([{ fromRate: 5, toRate: 50 }])
  })

  it('spikes to four times the rate and back, without another warm-up that would hide the recovery', () => {
    const { steps } = plan({ scenario: 'spike', rate: 10 })
    expect(steps.map((step) => step.toRate)).toEqual([10, 40, 10])
    expect(steps.map((step) => step.warmupMs)).toEqual([5_000, 0, 0])
  })

  it('sweeps the rates given, rising, and stops past the first that saturates', () => {
    expect(rates({ scenario: 'sweep', rates: [40, 10, 20] })).toEqual([10, 20, 40])
    expect(plan({ scenario: 'sweep', rates: [1] }).stopWhen.saturatedSteps).toBe(1)
  })

  it('climbs to a break point by a third at a time, until something gives', () => {
    const climbed = rates({ scenario: 'breakpoint', rate: 10 })
    expect(climbed.slice(0, 4)).toEqual([10, 13, 16.9, 22])
    expect(climbed.at(-1)).toBeGreaterThan(3_000)
    expect(plan({ scenario: 'breakpoint' }).stopWhen).toEqual({
      failedShare: 0.5,
      minRequests: 20,
      saturatedSteps: 1,
    })
  })

  it('replays a trace for as long as the trace is', () => {
    const arrivals = { kind: 'trace', offsetsMs: [0, 500, 1_500, 3_999] } as const
    const replayed = plan({
      scenario: 'replay',
      arrivals: { ...arrivals, offsetsMs: [...arrivals.offsetsMs] },
    })
    expect(replayed.steps).toMatchObject([{ warmupMs: 0, windowMs: 4_000, fromRate: 1, toRate: 1 }])
  })

  it.each([
    [{ scenario: 'sweep' }, /needs its rates/],
    [{ scenario: 'steady', rates: [1, 2] }, /--rates is for a sweep/],
    [{ scenario: 'replay' }, /instants to replay/],
    [{ scenario: 'steady', arrivals: { kind: 'trace', offsetsMs: [0] } }, /does not go with steady/],
    [{ scenario: 'steady', rate: 0 }, /more than 0/],
  ] as const)('refuses what does not fit: %j', (options, message) => {
    expect(() => plan(options as Partial<ScenarioOptions>)).toThrow(message)
  })

  it('gives every scenario a plan that k6 accepts, whatever the rate', () => {
    const anyRate = fc.double({ min: 0.01, max: 5_000, noNaN: true })
    fc.assert(
      fc.property(fc.constantFrom(...scenarios), anyRate, (scenario, rate) => {
        const scenarioPlan = plan({
          scenario,
          rate,
          ...(scenario === 'sweep' ? { rates: [rate] } : {}),
          ...(scenario === 'replay' ? { arrivals: { kind: 'trace' as const, offsetsMs: [0, 1_000] } } : {}),
        })
        const whole = completePlan(
          scenarioPlan,
          { urls: ['http://127.0.0.1:1'], protocol: 'tei' },
          { file: '/scratch/queries.jsonl', count: 1 },
          null,
        )
        expect(loadPlanSchema.parse(whole)).toEqual(whole)
      }),
    )
  })
})

describe('what a plan takes from the stack', () => {
  it('a request is good within the limit of each metric, by its highest percentile', () => {
    const slo = [
      limit('embed.latency.p95', 200),
      limit('embed.latency.p99', 300),
      limit('generate.ttft.p99', 1_000),
      { ...limit('embed.errors', 0.001), unit: 'ratio' as const },
    ]
    expect(plan({}, stackWith({ slo })).good).toEqual({ latency: 300 })
    expect(plan({ stage: 'generate' }, stackWith({ slo })).good).toEqual({ ttft: 1_000 })
  })

  it('waits longer than the slowest answer that an SLO allows', () => {
    expect(plan({}, stackWith({ slo: [limit('embed.latency.p99', 20_000)] })).timeoutMs).toBe(40_000)
    expect(plan({ stage: 'generate' }).timeoutMs).toBe(120_000)
  })

  it('takes arrivals and seed from the workload', () => {
    const workload = { arrivals: { kind: 'gamma', burstiness: 2 }, seed: 7 } as const
    expect(plan({}, stackWith({ workload }))).toMatchObject({ arrivals: workload.arrivals, seed: 7 })
    expect(plan({ seed: 3, arrivals: { kind: 'constant' } }, stackWith({ workload }))).toMatchObject({
      arrivals: { kind: 'constant' },
      seed: 3,
    })
  })
})

describe('how many requests may be in flight', () => {
  it('is twice what Little’s law gives at the limit of the SLO', () => {
    expect(maxInFlightOf(100, 'embed', [limit('embed.latency.p99', 2_000)])).toBe(400)
  })

  it('grows with the rate, within 64 and 1024', () => {
    expect(maxInFlightOf(1, 'embed', [])).toBe(64)
    expect(maxInFlightOf(100_000, 'embed', [])).toBe(1024)
  })

  it('is what the user says, where the user says it', () => {
    expect(plan({ maxInFlight: 3 }).maxInFlight).toBe(3)
  })
})
