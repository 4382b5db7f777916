/** What is watched of our own gateway (src/services/gateway/metrics.ts). */
import type { Stack } from '../../stack/stack.ts'
import type { Observed } from '../observed.ts'
import { gatewayBuckets } from './buckets.ts'
import { processMetrics } from './process-metrics.ts'

/** Of the gateway's own share of a query. */
const ownTime = (share: number) =>
  `histogram_quantile(${share}, sum by (le) (rate(ragscale_gateway_stage_duration_seconds_bucket{job="$job", stage="gateway"}[5m])))`

const gateway: Observed = {
  exports: {
    ...processMetrics,
    ragscale_gateway_in_flight: 'gauge',
    ragscale_gateway_max_in_flight: 'gauge',
    ragscale_gateway_requests_total: 'counter',
    ragscale_gateway_request_duration_seconds: 'histogram',
    ragscale_gateway_stage_duration_seconds: 'histogram',
    ragscale_gateway_time_to_first_token_seconds: 'histogram',
    ragscale_gateway_upstream_failures_total: 'counter',
    ragscale_gateway_cache_total: 'counter',
    ragscale_gateway_cache_failures_total: 'counter',
    ragscale_gateway_tokens_total: 'counter',
    ragscale_gateway_circuit_open: 'gauge',
  },
  signals: { running: { gauge: 'ragscale_gateway_in_flight' } },
  alerts: [
    {
      name: 'GatewayRefusesQueries',
      expr: 'sum by (route) (rate(ragscale_gateway_requests_total{job="$job", status="429"}[5m])) > 0.01',
      for: '5m',
      severity: 'critical',
      summary: '{{ $value | humanize }} requests a second to /{{ $labels.route }} are refused with 429.',
      description:
        'Every replica has as many requests inside as it may (maxInFlight). Mostly the gateway waits for a slower tier: look at the stages’ latency first, then add replicas where it grew.',
    },
    {
      name: 'GatewayNearFull',
      expr: 'sum by (replica) (ragscale_gateway_in_flight{job="$job"}) / max by (replica) (ragscale_gateway_max_in_flight{job="$job"}) > 0.8',
      for: '5m',
      severity: 'warning',
      summary:
        '{{ $labels.replica }} answers {{ $value | humanizePercentage }} of the requests that it may at once.',
      description:
        'At 100 % it refuses more with 429. Requests pile up where a tier is slow: look at the stages’ latency, then add replicas of that tier, or of the gateway if its own share of the time grew.',
    },
    {
      name: 'GatewayCircuitOpen',
      expr: 'max by (stage) (ragscale_gateway_circuit_open{job="$job"}) > 0',
      for: '1m',
      severity: 'critical',
      summary: 'The gateway no longer calls {{ $labels.stage }}: too many calls failed.',
      description:
        'It tries again by itself; until then queries that need that stage fail at once. Look what is wrong with the tier behind it: replicas that are down, overload (429, 503), or the balancer.',
    },
    {
      name: 'GatewayCacheFails',
      expr: 'sum by (cache) (rate(ragscale_gateway_cache_failures_total{job="$job"}[5m])) > 0.01',
      for: '10m',
      severity: 'warning',
      summary: 'The cache of {{ $labels.cache }}s fails {{ $value | humanize }} times a second.',
      description:
        'A look-up that fails is taken for a miss: nothing breaks, and every tier behind gets the full load. Look at the cache’s server, its memory and its network.',
    },
  ],
  panels: [
    {
      title: 'Requests in flight',
      queries: [
        { expr: 'sum by (replica) (ragscale_gateway_in_flight{job="$job"})', legend: '{{replica}}' },
        { expr: 'min(ragscale_gateway_max_in_flight{job="$job"})', legend: 'most that one takes' },
      ],
      unit: 'short',
      description: 'Little’s law: rate × latency. It grows when a tier behind gets slow.',
    },
    {
      title: 'Cache hits',
      queries: [
        {
          // What was never hit has no series of hits; what was ever asked has one of misses.
          expr: '1 - sum by (cache) (rate(ragscale_gateway_cache_total{job="$job", result="miss"}[5m])) / sum by (cache) (rate(ragscale_gateway_cache_total{job="$job"}[5m]))',
          legend: '{{cache}}',
        },
      ],
      unit: 'percentunit',
      description: 'What the next tier is spared. Shown only for caches that are on.',
    },
    {
      title: 'The gateway’s own time',
      queries: [
        {
          expr: ownTime(0.5),
          legend: 'P50',
        },
        {
          expr: ownTime(0.95),
          legend: 'P95',
        },
      ],
      unit: 's',
      description:
        'Of a query, less its stages. A few milliseconds; when it grows the gateways themselves are busy.',
    },
    {
      title: 'Requests by route',
      queries: [
        {
          expr: 'sum by (route) (rate(ragscale_gateway_requests_total{job="$job"}[5m]))',
          legend: '/{{route}}',
        },
      ],
      unit: 'reqps',
      description: '/query is the whole pipeline, /retrieve and /generate its halves.',
    },
    {
      title: 'Tokens a second',
      queries: [
        { expr: 'sum by (kind) (rate(ragscale_gateway_tokens_total{job="$job"}[5m]))', legend: '{{kind}}' },
      ],
      unit: 'short',
      description:
        'Read (input) and written (output) by the model for queries; what a cache answered cost none.',
    },
    {
      title: 'Failures by upstream',
      queries: [
        {
          expr: 'sum by (stage) (rate(ragscale_gateway_upstream_failures_total{job="$job"}[5m]))',
          legend: '{{stage}}',
        },
      ],
      unit: 'reqps',
      description: 'Whose failure a failed query was.',
    },
    {
      title: 'Open circuits',
      queries: [{ expr: 'max by (stage) (ragscale_gateway_circuit_open{job="$job"})', legend: '{{stage}}' }],
      unit: 'short',
      description: '1 while an upstream is left alone because too many calls failed.',
    },
  ],
}

/** Its histograms also count where the stack's SLOs end. */
export function gatewayObserved(stack: Stack): Observed {
  const buckets = gatewayBuckets(stack)
  return {
    ...gateway,
    buckets: {
      ragscale_gateway_request_duration_seconds: buckets,
      ragscale_gateway_stage_duration_seconds: buckets,
      ragscale_gateway_time_to_first_token_seconds: buckets,
    },
  }
}
