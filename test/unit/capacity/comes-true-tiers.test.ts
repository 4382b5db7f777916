/** The same proof for what the 100 stacks leave out: servers of token iterations, and searches over shards. */
import { describe, expect, test } from 'vitest'
import { recommend } from '../../../src/capacity/recommend.ts'
import type { Recommendation, RecommendInput } from '../../../src/capacity/types.ts'
import { runVirtual } from '../../../src/services/emulators/virtual.ts'
import type { Collection, Emulation, Slo } from '../../../src/stack/stack.ts'
import { quantile, uniforms } from './proving-ground.ts'
import { sweep } from './virtual-sweep.ts'

const base = {
  policy: 'least-connections',
  arrivals: { kind: 'poisson' },
  limits: { replicas: 40, gpus: null, budgetPerMonth: null },
  spare: 0,
  prices: { date: '2026-11-01', currency: 'USD', gpuHour: { H100: 4.02 }, replicaHour: {} },
} as const

function recommended(input: Omit<RecommendInput, keyof typeof base>): Recommendation {
  const answer = recommend({ ...base, ...input })
  if (!answer.ok) throw new Error(answer.refusal.because)
  return answer.recommendation
}

const sortedP99 = (values: Float64Array): number => quantile(values.slice().sort(), 0.99)

describe('a server of token iterations', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    'of seed %i holds TTFT and latency at the recommended count, as predicted',
    (seed) => {
      const uniform = uniforms(seed * 31)
      const between = (low: number, high: number): number => low + (high - low) * uniform()
      const emulation: Emulation = {
        model: 'continuous',
        stepMs: between(5, 12),
        msPerSequence: between(0.05, 0.2),
        prefillMs: between(4, 15),
        msPerPrefillToken: between(0.02, 0.06),
        maxSequences: Math.floor(between(16, 64)),
        maxBatchedTokens: 16_384,
        kvTokens: 1e8,
        cv: between(0, 0.2),
      }
      const tokens = (query: number): number => 48 + ((query * 7919) % 96)
      const prefillMs = emulation.prefillMs + 256 * emulation.msPerPrefillToken
      const iterationMs = emulation.stepMs + emulation.msPerSequence * emulation.maxSequences
      const knee = 1000 / ((95.5 * iterationMs) / emulation.maxSequences + prefillMs)
      const slo = (metric: string, limit: number): Slo => ({
        on: `generate.${metric}.p99`,
        stage: 'generate',
        metric,
        percentile: 'p99',
        limit,
        unit: 'ms',
      })
      const rate = knee * between(1.2, 4)
      const limits = [
        slo('ttft', 8 * prefillMs + 4 * iterationMs),
        slo('latency', 143 * (iterationMs + prefillMs)),
      ]
      const {
        tiers,
        predicted,
        slo: judged,
      } = recommended({
        tiers: [{ tier: 'generate', replicas: 1, gpu: 'H100', gpus: 1 }],
        rate,
        slo: limits,
        measurements: [sweep('generate', { emulation, knee, tokens })],
        seed,
      })
      const found = tiers.generate!
      expect(found.model).toBe('continuous')
      const load = {
        rate,
        arrivals: { kind: 'poisson' } as const,
        queries: 30_000,
        warmup: 3_000,
        seed: seed + 77,
        outputTokens: tokens,
      }
      const truth = runVirtual(
        [{ name: 'generate', replicas: found.then.replicas!, policy: 'least-connections', emulation }],
        load,
      )
      expect(judged.map(({ ok }) => ok)).toEqual([true, true])
      expect(sortedP99(truth.firstTokenMs!)).toBeLessThanOrEqual(limits[0]!.limit)
      expect(sortedP99(truth.latencyMs)).toBeLessThanOrEqual(limits[1]!.limit)
      expect(Math.abs(predicted.latency.p99 / sortedP99(truth.latencyMs) - 1)).toBeLessThan(0.15)
      expect(Math.abs(predicted.ttft!.p99 / sortedP99(truth.firstTokenMs!) - 1)).toBeLessThan(0.3)
    },
  )
})

describe('a search over shards', () => {
  test.each([1, 2, 3, 4, 5, 6])('of seed %i holds its P99 on the recommended nodes, as predicted', (seed) => {
    const uniform = uniforms(seed * 57)
    const between = (low: number, high: number): number => low + (high - low) * uniform()
    const shards = [1, 2, 3, 6][Math.floor(uniform() * 4)]!
    const collection: Collection = {
      name: 'docs',
      dimensions: 768,
      distance: 'Cosine',
      points: 4e6,
      shards,
      replication: 1,
      writeConsistency: 1,
      quantization: 'none',
    }
    const servers = 1 + Math.floor(between(1, 8))
    const emulation: Emulation = {
      model: 'search',
      servers,
      baseMs: between(1, 4),
      msPerMillionPoints: between(3, 12),
      fanoutMs: 0.1,
      cv: between(0.1, 0.8),
    }
    const workMs = shards * emulation.baseMs + 4 * emulation.msPerMillionPoints
    const knee = (1000 * servers) / workMs
    const rate = knee * between(1.2, 4)
    const limit = workMs * between(1.5, 4)
    const { tiers, predicted, slo } = recommended({
      tiers: [{ tier: 'vector', replicas: 1, collection }],
      rate,
      slo: [
        {
          on: 'retrieve.latency.p99',
          stage: 'retrieve',
          metric: 'latency',
          percentile: 'p99',
          limit,
          unit: 'ms',
        },
      ],
      measurements: [sweep('vector', { emulation, knee, collection })],
      seed,
    })
    const { nodes, replication } = tiers.vector!.then
    const load = {
      rate,
      arrivals: { kind: 'poisson' } as const,
      queries: 50_000,
      warmup: 3_000,
      seed: seed + 99,
    }
    const truth = runVirtual(
      [
        {
          name: 'vector',
          replicas: nodes!,
          policy: 'least-connections',
          emulation,
          collection: { ...collection, replication: replication! },
        },
      ],
      load,
    )
    const p99 = sortedP99(truth.latencyMs)
    expect(slo[0]!.ok).toBe(true)
    expect(p99).toBeLessThanOrEqual(limit)
    expect(Math.abs(predicted.latency.p99 / p99 - 1)).toBeLessThan(0.2)
  })
})
