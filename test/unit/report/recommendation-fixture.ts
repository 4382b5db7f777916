import type { PredictedMetric, Recommendation } from '../../../src/capacity/types.ts'
import { slo } from '../recording/fixtures.ts'

export const predictedMetric = (scale: number): PredictedMetric => ({
  p50: 10 * scale,
  p90: 20 * scale,
  p95: 25 * scale,
  p99: 40 * scale,
  p50Band: [9 * scale, 11 * scale],
  p95Band: [22 * scale, 28 * scale],
  p99Band: [35 * scale, 47 * scale],
})

/** More replicas of embed, more memory for vector, and one tier that nothing is known of. */
export const recommendation: Recommendation = {
  schema: 'ragscale.recommendation/1',
  for: {
    rate: 200,
    slo: [slo('pipeline.latency.p99', 3000), slo('embed.latency.p99', 100)],
    spare: 1,
    growth: 1.5,
  },
  from: ['20261121-120000-embed-3f9a', '20261121-130000-retrieve-77b1'],
  bottleneck: {
    tier: 'embed',
    capacity: 85,
    because: '1 replica × 85/s ÷ 1 visit a query is the least of 2 tiers.',
  },
  tiers: {
    embed: {
      now: { replicas: 1 },
      // oxlint-disable-next-line unicorn/no-thenable -- the name in the file format
      then: { replicas: 5 },
      capacityPerReplica: 85.3,
      capacityBand: [80, 91],
      kneePerReplica: 97,
      utilization: 0.62,
      boundBy: 'latency.p99',
      confidence: 'high',
      model: 'fifo',
      visits: 1,
      because: [
        'run 20261121-120000-embed-3f9a held 85/s and was saturated at 110/s',
        'with 4 replicas the p99 would be 130 ms',
      ],
    },
    vector: {
      now: { nodes: 3, shards: 6, replication: 2 },
      // oxlint-disable-next-line unicorn/no-thenable -- the name in the file format
      then: { nodes: 3, shards: 6, replication: 2, memoryPerNodeBytes: 4.1e9 },
      capacityPerReplica: 400,
      capacityBand: [380, 420],
      kneePerReplica: null,
      utilization: 0.25,
      boundBy: 'availability',
      confidence: 'medium',
      model: 'search',
      visits: 1,
      because: ['three nodes keep a majority when one is lost'],
    },
  },
  predicted: {
    latency: predictedMetric(2),
    ttft: null,
    tiers: { embed: predictedMetric(1), vector: predictedMetric(0.4) },
  },
  slo: [
    {
      on: 'embed.latency.p99',
      unit: 'ms',
      limit: 100,
      predicted: 40,
      band: [35, 47],
      ok: true,
      because: 'simulated',
    },
    {
      on: 'pipeline.latency.p99',
      unit: 'ms',
      limit: 3000,
      predicted: null,
      band: null,
      ok: null,
      because: 'generate was not measured',
    },
  ],
  cost: {
    perMonth: 2920,
    per1kQueries: 0.0037,
    currency: 'USD',
    pricesOf: '2026-11-01',
    unpriced: ['vector'],
  },
  sufficient: false,
  feasible: true,
  cheapest: true,
  unmeasured: [{ tier: 'generate', run: 'ragscale loadtest --stage generate --scenario sweep' }],
  notes: [],
  verified: {
    run: '20261121-140000-embed-aaaa',
    ok: true,
    verdict: 'pass',
    because: [],
    metrics: [{ on: 'embed.latency.p99', predictedMs: 40, bandMs: [35, 47], measuredMs: 41.2 }],
  },
}
