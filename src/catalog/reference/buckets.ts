/** At which times the gateway's histograms count, in seconds: everywhere alike, and at the limits of the stack's SLOs. */
import type { Slo, Stack } from '../../stack/stack.ts'

/** As `src/services/gateway/metrics.ts` has them. */
const always = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** What the gateway is told to count at besides, in milliseconds, rising: so an SLO is held to its own limit. */
export function moreBucketsMs(stack: Stack): readonly number[] {
  const limits = stack.slo.filter(seenByGateway).map(({ limit }) => limit)
  return [...new Set(limits)].filter((limit) => !always.includes(limit / 1_000)).sort((a, b) => a - b)
}

/** Upper bounds of all its buckets of times, in seconds, rising. */
export function gatewayBuckets(stack: Stack): readonly number[] {
  return [...always, ...moreBucketsMs(stack).map((limit) => limit / 1_000)].sort((a, b) => a - b)
}

/** The rest only the worker or the model's server can tell. */
function seenByGateway({ stage, metric, unit }: Slo): boolean {
  if (unit !== 'ms' || stage === 'ingest') return false
  return stage === 'pipeline' ? !['ttfo', 'tpot', 'itl_gap'].includes(metric) : metric === 'latency'
}
