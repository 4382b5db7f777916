import { describe, expect, test } from 'vitest'
import { calibrate } from '../../../src/capacity/calibrate.ts'
import { tableCv, tableMean } from '../../../src/capacity/distribution.ts'
import { fitPrefillLaw, fitStepLaw } from '../../../src/capacity/fit-continuous.ts'
import type { Calibrated, ContinuousModel, FifoModel, TierModel } from '../../../src/capacity/model.ts'
import type { RecommendInput } from '../../../src/capacity/types.ts'
import type { Collection, Emulation, ServiceLaw, Tier } from '../../../src/stack/stack.ts'
import { sweep, type Swept } from './virtual-sweep.ts'

const input: RecommendInput = {
  tiers: [],
  policy: 'least-connections',
  rate: 1,
  arrivals: { kind: 'poisson' },
  slo: [],
  limits: { replicas: null, gpus: null, budgetPerMonth: null },
  spare: 0,
  measurements: [],
  prices: { date: '2026-11-01', currency: 'USD', gpuHour: {}, replicaHour: {} },
  seed: 7,
}

function calibrated(tier: Tier, ...sweeps: Swept[]): Calibrated {
  const { collection } = sweeps[0]!
  const now = { tier, replicas: 1, ...(collection === undefined ? {} : { collection }) }
  const found = calibrate(now, { ...input, measurements: sweeps.map((one) => sweep(tier, one)) })
  if ('reason' in found) throw new Error(found.reason)
  return found
}

const modelOf = <Model extends TierModel>(found: Calibrated): Model => found.model as Model
const fifo = (law: ServiceLaw, servers: number): Swept => ({
  emulation: { model: 'fifo', law, servers, queueLimit: null },
  knee: (1000 * servers) / law.meanMs,
})

describe('a queue of servers', () => {
  const laws: readonly (readonly [ServiceLaw, number, number])[] = [
    [{ kind: 'exponential', meanMs: 20 }, 1, 1],
    [{ kind: 'exponential', meanMs: 40 }, 4, 1],
    [{ kind: 'fixed', meanMs: 10 }, 2, 0],
    [{ kind: 'lognormal', meanMs: 30, cv: 0.8 }, 3, 0.8],
    [{ kind: 'bimodal', meanMs: 25, slowShare: 0.1, slowFactor: 6 }, 2, 1],
  ]

  test.each(laws)(
    'of %o on %i servers is found with its servers, its knee, its mean and its spread',
    (law, servers, cv) => {
      const found = calibrated('embed', fifo(law, servers))
      const model = modelOf<FifoModel>(found)
      expect(model).toMatchObject({ kind: 'fifo', servers, overheadMs: 0 })
      expect(Math.abs(found.knee! / ((1000 * servers) / law.meanMs) - 1)).toBeLessThan(
        Math.max(0.01, 2.5 * found.error),
      )
      expect(tableMean(model.service) / law.meanMs).toBeCloseTo(1, 1)
      expect(Math.abs(tableCv(model.service) - cv)).toBeLessThan(0.15)
      expect(found.mismatch).toBeLessThan(2.5)
    },
  )

  test.each([0, 1, 2, 3, 4, 5])(
    'is found, if roughly, where of all steps below its knee only number %i may be believed, and that was short',
    (only) => {
      const measured = sweep('embed', fifo({ kind: 'exponential', meanMs: 8 }, 1))
      const short = measured.steps.map((step, i) => ({
        ...step,
        valid: i === only || i > 5,
        seconds: step.seconds / 10,
        samples: step.samples.map(([value, n]) => [value, n / 10] as const),
      }))
      const found = calibrate(
        { tier: 'embed', replicas: 1 },
        { ...input, measurements: [{ ...measured, steps: short }] },
      )
      if ('reason' in found) throw new Error(found.reason)
      expect(found.knee! / 125).toBeGreaterThan(0.8)
      expect(found.knee! / 125).toBeLessThan(1.25)
      expect(found.model.kind === 'fifo' ? tableMean(found.model.service) : 8).toBeGreaterThan(0)
    },
  )

  test('of which three replicas were measured gives what one of them does', () => {
    const one = fifo({ kind: 'exponential', meanMs: 20 }, 2)
    const found = calibrated('embed', { ...one, replicas: 3, knee: 300 })
    expect(modelOf<FifoModel>(found).servers).toBe(2)
    expect(found.knee! / 100).toBeCloseTo(1, 1)
  })

  test('measured at one, two and four replicas that do not share anything shows no contention to speak of', () => {
    const law = { kind: 'exponential', meanMs: 20 } as const
    const found = calibrated(
      'embed',
      ...[1, 2, 4].map((replicas) => ({ ...fifo(law, 2), replicas, knee: 100 * replicas })),
    )
    expect(found.contentionKnown).toBe(true)
    expect(found.contention).toBeLessThan(0.02)
    expect(found.replicasMeasured).toBe(4)
  })
})

test('a server of batches is found with what a batch costs and what each request adds', () => {
  const emulation: Emulation = {
    model: 'batching',
    overheadMs: 20,
    msPerToken: 0.01,
    maxBatchTokens: 4096,
    maxConcurrent: 1e6,
    cv: 0.1,
  }
  // 256 tokens a request: 16 fit, and take 20 + 40.96 ms.
  const knee = (16 / (20 + 40.96)) * 1000
  const found = calibrated('embed', { emulation, knee })
  expect(found.model.kind).toBe('batching')
  expect(found.knee! / knee).toBeCloseTo(1, 1)
  if (found.model.kind === 'batching') {
    expect(found.model.alphaMs / 20).toBeCloseTo(1, 0)
    expect(Math.abs(tableMean(found.model.own) - 2.56)).toBeLessThan(0.6)
  }
})

test('a server of token iterations is found with its step, its slope, and the sequences that it holds', () => {
  const emulation: Emulation = {
    model: 'continuous',
    stepMs: 8,
    msPerSequence: 0.1,
    prefillMs: 10,
    msPerPrefillToken: 0.02,
    maxSequences: 32,
    maxBatchedTokens: 8192,
    kvTokens: 1e7,
    cv: 0.05,
  }
  const found = calibrated('generate', {
    emulation,
    knee: 17,
    tokens: (query) => 64 + ((query * 7919) % 128),
  })
  const model = modelOf<ContinuousModel>(found)
  expect(model.kind).toBe('continuous')
  expect(Math.abs(model.alphaMs - 8)).toBeLessThan(0.5)
  expect(Math.abs(model.betaMs - 0.1)).toBeLessThan(0.04)
  // 10 ms and 256 tokens of 0.02 ms.
  expect(Math.abs(model.prefillOnceMs + tableMean(model.prefill) - 15.1)).toBeLessThan(4)
})

test('search threads are found from queries that wait for the slowest of their shards', () => {
  const collection: Collection = {
    name: 'docs',
    dimensions: 768,
    distance: 'Cosine',
    points: 6e6,
    shards: 6,
    replication: 1,
    writeConsistency: 1,
    quantization: 'none',
  }
  const emulation: Emulation = {
    model: 'search',
    servers: 4,
    baseMs: 2,
    msPerMillionPoints: 8,
    fanoutMs: 0.1,
    cv: 0.3,
  }
  const found = calibrated('vector', { emulation, knee: 4000 / 60, collection })
  expect(found.model).toMatchObject({ kind: 'fifo', shards: 6 })
  expect(found.knee! / (4000 / 60)).toBeCloseTo(1, 1)
})

describe('laws of token servers from two points', () => {
  test('ITL of 7.0 ms alone and 8.7 ms at 64 is 6.973 + 0.027 a sequence', () => {
    const { alphaMs, betaMs } = fitStepLaw([
      { batch: 1, itlMs: 7, weight: 1 },
      { batch: 64, itlMs: 8.7, weight: 1 },
    ])
    expect(alphaMs).toBeCloseTo(6.973, 3)
    expect(betaMs).toBeCloseTo(0.027, 3)
  })

  test('TTFT of 15 ms alone and 26 ms at 64, of 128 tokens, is 14.825 + 0.001364 a token', () => {
    const { gammaMs, deltaMs } = fitPrefillLaw({ tokens: 128, ms: 15 }, { tokens: 128 * 64, ms: 26 })
    expect(gammaMs).toBeCloseTo(14.825, 3)
    expect(deltaMs).toBeCloseTo(0.001364, 6)
  })

  test('a step law never has a negative part', () => {
    expect(
      fitStepLaw([
        { batch: 1, itlMs: 9, weight: 1 },
        { batch: 8, itlMs: 7, weight: 1 },
      ]).betaMs,
    ).toBe(0)
    expect(
      fitStepLaw([
        { batch: 10, itlMs: 1, weight: 1 },
        { batch: 20, itlMs: 9, weight: 1 },
      ]).alphaMs,
    ).toBe(0)
  })
})
