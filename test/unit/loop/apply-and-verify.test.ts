import { expect, test } from 'vitest'
import type { PredictedMetric, Recommendation, TierRecommendation } from '../../../src/capacity/types.ts'
import { editsOf } from '../../../src/loop/apply.ts'
import { stagesToVerify, verification } from '../../../src/loop/verify.ts'
import type { Run } from '../../../src/recording/run.ts'

const metric = (p50: number): PredictedMetric => ({
  p50,
  p90: 2 * p50,
  p95: 3 * p50,
  p99: 4 * p50,
  p50Band: [p50 - 1, p50 + 1],
  p95Band: [3 * p50 - 1, 3 * p50 + 1],
  p99Band: [4 * p50 - 1, 4 * p50 + 1],
})

function recommended(tiers: Record<string, Pick<TierRecommendation, 'now' | 'then'>>): Recommendation {
  return {
    tiers,
    predicted: { latency: metric(100), ttft: null, tiers: { embed: metric(10), vector: metric(5) } },
  } as unknown as Recommendation
}

function ran(stage: string, verdict: Run['verdict'], p99: number | null): Run {
  const latency = {
    unit: 'ms',
    count: 400,
    min: 1,
    mean: 1,
    stddev: 1,
    p50: 11,
    p90: 20,
    p95: 30,
    p99,
    p999: null,
    max: 99,
  }
  return {
    id: 'again',
    verdict,
    verdictBecause: [],
    steps: [{ stage, metrics: { latency } }],
  } as unknown as Run
}

test('only what changes is written, under the keys of the file', () => {
  const edits = editsOf(
    recommended({
      embed: { now: { replicas: 1 }, then: { replicas: 3 } },
      generate: { now: { replicas: 2 }, then: { replicas: 2, tensorParallel: 1 } },
      vector: {
        now: { nodes: 1, shards: 6, replication: 1 },
        then: { nodes: 3, shards: 6, replication: 2, memoryPerNodeBytes: 1 },
      },
    }),
  )
  expect(edits).toEqual([
    { path: 'tiers.embed.replicas', from: 1, to: 3 },
    { path: 'tiers.vector.nodes', from: 1, to: 3 },
    { path: 'tiers.vector.collection.replication', from: 1, to: 2 },
  ])
})

test('the pipeline proves the counts where there is one, else each measured tier alone', () => {
  const counts = { now: {}, then: {} }
  const whole = recommended({ gateway: counts, embed: counts, vector: counts, generate: counts })
  expect(stagesToVerify(whole, true)).toEqual(['pipeline'])
  expect(stagesToVerify(recommended({ embed: counts, vector: counts }), false)).toEqual(['embed', 'retrieve'])
})

test('predicted stands beside measured, and a percentile of too few samples beside nothing', () => {
  const found = verification(recommended({}), ran('embed', 'pass', null))
  expect(found).toMatchObject({ run: 'again', ok: true, verdict: 'pass' })
  expect(found.metrics).toEqual([
    { on: 'embed.latency.p50', predictedMs: 10, bandMs: [9, 11], measuredMs: 11 },
    { on: 'embed.latency.p95', predictedMs: 30, bandMs: [29, 31], measuredMs: 30 },
    { on: 'embed.latency.p99', predictedMs: 40, bandMs: [39, 41], measuredMs: null },
  ])
})

test('a measurement that may not be believed proves nothing, either way', () => {
  expect(verification(recommended({}), ran('pipeline', 'invalid', 400)).ok).toBeNull()
  expect(verification(recommended({}), ran('pipeline', 'fail', 400)).ok).toBe(false)
})
