/**
 * The recommender against emulators whose laws it is not told, in virtual time: 100 seeded stacks of one to four
 * tiers, exponential, fixed, lognormal and bimodal service on 1 to 8 servers, batching, correlated stages, three
 * balancer policies, each tier measured by a sweep of eight steps of 30 s on one replica.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { proveAll } from './prove-all.ts'
import type { Proof } from './prove.ts'

const stacks = 100
const examinedQueries = 60_000
const proofs: Proof[] = []

beforeAll(async () => {
  const seeds = Array.from({ length: stacks }, (_, index) => index + 1)
  proofs.push(...(await proveAll(seeds, examinedQueries)))
}, 550_000)

describe('on 100 stacks whose laws the recommender is not told', () => {
  test('the SLO is met at the recommended counts in 95 or more', () => {
    const missed = proofs.filter((proof) => !proof.met)
    expect(missed.length, describeAll(missed)).toBeLessThanOrEqual(5)
  })

  test('one replica less of any tier breaks the SLO or the 85 % rule in 85 or more', () => {
    const padded = proofs.filter((proof) => proof.spare.length > 0)
    expect(padded.length, describeAll(padded)).toBeLessThanOrEqual(15)
  })

  test('both the SLO and the 85 % rule decide counts', () => {
    const bounds = proofs.flatMap(({ recommendation }) =>
      Object.values(recommendation.tiers).map((tier) => tier.boundBy),
    )
    expect(bounds.filter((bound) => bound.startsWith('latency.')).length).toBeGreaterThanOrEqual(15)
    expect(bounds.filter((bound) => bound === 'utilization').length).toBeGreaterThanOrEqual(50)
  })

  test.each(['p50', 'p95', 'p99'])('the median error of the predicted %s is below 8 %', (percentile) => {
    const errors = accuracyOf(percentile).map(({ predicted, examined }) => Math.abs(predicted / examined - 1))
    expect(errors.sort((a, b) => a - b)[stacks / 2]).toBeLessThan(0.08)
  })

  test.each(['p50', 'p95', 'p99'])(
    'predictions of %s are too high about as often as too low',
    (percentile) => {
      const high = accuracyOf(percentile).filter(({ predicted, examined }) => predicted > examined).length
      expect(high).toBeGreaterThan(25)
      expect(high).toBeLessThan(75)
    },
  )

  test.each(['p50', 'p95', 'p99'])('the band of %s holds what was examined in 80 or more', (percentile) => {
    const outside = accuracyOf(percentile).filter(
      ({ band, examined }) => examined < band[0] || examined > band[1],
    )
    expect(outside.length).toBeLessThanOrEqual(20)
  })

  test('a batching server is told from a queue of servers by its latencies alone', () => {
    const wrong = proofs.flatMap(({ stack, recommendation }) =>
      stack.tiers.filter((tier) => recommendation.tiers[tier.name]!.model !== tier.emulation.model),
    )
    // A batch of hardly more than one is a queue with one server, and is allowed to be called so.
    expect(wrong.length).toBeLessThanOrEqual(8)
  })
})

function accuracyOf(percentile: string) {
  return proofs.flatMap(({ accuracy }) => accuracy.filter((one) => one.percentile === percentile))
}

function describeAll(some: readonly Proof[]): string {
  return some
    .map(
      ({ stack, counts, predictedWorst, examinedWorst, spare }) =>
        `stack ${stack.seed}: ${counts.join('+')} replicas, worst latency ÷ limit ${predictedWorst.toFixed(3)} predicted, ${examinedWorst.toFixed(3)} examined${spare.length === 0 ? '' : `, one too many of ${spare.join(', ')}`}`,
    )
    .join('\n')
}
