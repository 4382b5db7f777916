import type { ReplicaTier, Stack } from '../../stack/stack.ts'
import type { Scaling } from '../scaling.ts'

/** Gateways follow their own slowness, workers the documents that wait for them. */
export function referenceScaling(tier: ReplicaTier, stack: Stack): Scaling {
  return tier === stack.tiers.worker ? workers : gateways
}

const gateways: Scaling = {
  metric: 'milliseconds that queries spend in the gateway itself (P95)',
  query:
    '1000 * histogram_quantile(0.95, sum by (le) (rate(ragscale_gateway_stage_duration_seconds_bucket{job="$job", stage="gateway"}[2m])))',
  unit: 'milliseconds',
  // Idle it is 1–3 ms. At 50 the event loop has been busy for longer than most queries need of it.
  defaultTarget: 50,
  // What histogram_quantile can say at most: the upper bound of the last bucket.
  ceiling: 60_000,
  because:
    'the gateway’s own share of a query: the whole of it also grows when generating is slow, which more gateways would not cure',
}

const workers: Scaling = {
  metric: 'documents that wait or are being written',
  // Every worker tells of the one queue that all share: the largest is the newest.
  query: 'max(ragscale_worker_queue_backlog{job="$job"})',
  unit: 'documents',
  defaultTarget: 16,
  ceiling: null,
  because:
    'a worker writes some documents at once and takes more as it ends them; those of a dead one count as well',
}
