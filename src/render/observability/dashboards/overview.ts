/** The first dashboard: is it well, where does a query's time go, and which tier is the next to be in the way? */
import { series } from '../scope.ts'
import { watchedStages } from '../stages.ts'
import { isPriced } from '../rules/cost.ts'
import { type Watched, jobOf } from '../watched.ts'
import { type PanelSpec, type RowSpec, inOneLine } from './panel.ts'
import { firstTokenPanel, heatPanel, latencyPanel, ratePanel, recorded, stageStats } from './stage-panels.ts'
import { componentRow, otherJobs, replicasPanel, usePanels } from './tier-panels.ts'

/** @param shownElsewhere tiers that have a dashboard of their own */
export function overviewRows(watched: Watched, shownElsewhere: readonly string[]): RowSpec[] {
  const stages = watchedStages(watched)
  const pipeline = stages.find(({ stage }) => stage === 'pipeline')
  return [
    {
      title: 'Now',
      panels: inOneLine([
        ...(pipeline === undefined ? [] : stageStats(watched, pipeline, 4)),
        ...health(watched),
        ...cost(watched),
      ]),
    },
    ...(pipeline === undefined
      ? []
      : [
          {
            title: 'Queries',
            panels: [
              latencyPanel(watched, pipeline, 8),
              ...firstTokenPanel(watched, pipeline, 8),
              ratePanel(watched, pipeline, 8),
              heatPanel(watched, pipeline, 12),
              statusPanel(watched),
            ],
          },
        ]),
    { title: 'Stages', panels: stagePanels(watched) },
    ...(watched.stack.slo.length === 0 ? [] : [{ title: 'SLOs', panels: sloPanels(watched) }]),
    { title: 'Tiers', panels: [replicasPanel(watched, null, 24), ...usePanels(watched, null)] },
    ...otherJobs(watched, shownElsewhere).flatMap((job) => componentRow(watched, job, true)),
  ]
}

function health(watched: Watched): PanelSpec[] {
  const declared = series(watched.scope, 'tier:replicas_declared:count')
  const up = series(watched.scope, 'tier:replicas_up:count')
  const alerts = series(watched.scope, 'ALERTS', 'alertstate="firing"', `stack="${watched.stack.name}"`)
  return [
    {
      kind: 'stat',
      title: 'Replicas missing',
      description: 'Of all tiers: declared in ragscale.yaml, and not answering.',
      queries: [{ expr: `sum(clamp_min(${declared} - ${up}, 0))`, legend: 'missing' }],
      unit: 'short',
      decimals: 0,
      width: 4,
      thresholds: [{ from: 1, color: 'red' }],
    },
    {
      kind: 'stat',
      title: 'Alerts',
      description: 'That fire now. What each means and what to do is in Prometheus, at /alerts.',
      queries: [{ expr: `count(${alerts}) or vector(0)`, legend: 'alerts' }],
      unit: 'short',
      decimals: 0,
      width: 4,
      thresholds: [{ from: 1, color: 'red' }],
    },
  ]
}

function cost(watched: Watched): PanelSpec[] {
  if (!isPriced(watched)) return []
  return [
    {
      kind: 'stat',
      title: 'Cost an hour',
      description: 'GPUs that run now, and a provider’s tokens at the present rate. CPUs are not priced.',
      queries: [{ expr: series(watched.scope, 'stack:cost_per_hour:usd'), legend: 'cost' }],
      unit: 'currencyUSD',
      decimals: 2,
      width: 4,
    },
    {
      kind: 'stat',
      title: 'Cost of 1,000 queries',
      description: 'At the present rate: an idle stack makes each query dear.',
      queries: [{ expr: series(watched.scope, 'stack:cost_per_1k_queries:usd'), legend: 'cost' }],
      unit: 'currencyUSD',
      decimals: 3,
      width: 4,
    },
  ]
}

function statusPanel(watched: Watched): PanelSpec {
  const answers = series(watched.scope, 'ragscale_gateway_requests_total', 'job="gateway"', 'route="query"')
  return {
    kind: 'lines',
    title: 'Answers by status',
    description:
      '429: refused, more than it answers at once. 502, 503: an upstream failed. 504: too late. 499: the caller left.',
    queries: [{ expr: `sum by (status) (rate(${answers}[$__rate_interval]))`, legend: '{{status}}' }],
    unit: 'reqps',
    min: 0,
    stacked: true,
    width: 12,
  }
}

function stagePanels(watched: Watched): PanelSpec[] {
  const p95: PanelSpec = {
    kind: 'lines',
    title: 'P95 by stage',
    description: 'Each for itself: P95s of stages do not add up to the P95 of the whole.',
    queries: [{ expr: recorded(watched, 'stage:latency_seconds:p95_5m'), legend: '{{stage}}' }],
    unit: 's',
    min: 0,
    width: 8,
  }
  const failures: PanelSpec = {
    kind: 'lines',
    title: 'Failures by stage',
    description: 'A query that a stage failed is counted there and as a failed query.',
    queries: [{ expr: recorded(watched, 'stage:failures:rate5m'), legend: '{{stage}}' }],
    unit: 'reqps',
    min: 0,
    width: 8,
  }
  if (jobOf(watched, 'gateway') === undefined) return [p95, failures]
  const spent = series(watched.scope, 'ragscale_gateway_stage_duration_seconds_sum', 'job="gateway"')
  const answered = series(
    watched.scope,
    'ragscale_gateway_stage_duration_seconds_count',
    'job="gateway"',
    'stage="gateway"',
  )
  const means: PanelSpec = {
    kind: 'lines',
    title: 'Where the time of a query goes (means)',
    description:
      'Mean time in each stage of one query; what a cache spared counts as nothing. Means add up, so the whole height is the mean of a query. The largest part is not the bottleneck: that is the tier that is full first.',
    queries: [
      {
        expr: `sum by (stage) (rate(${spent}[$__rate_interval])) / on () group_left () (sum(rate(${answered}[$__rate_interval])) > 0)`,
        legend: '{{stage}}',
      },
    ],
    unit: 's',
    min: 0,
    stacked: true,
    width: 8,
  }
  return [means, p95, failures]
}

function sloPanels(watched: Watched): PanelSpec[] {
  return [
    {
      kind: 'lines',
      title: 'How fast the error budget is spent',
      description:
        'At 1 the budget lasts exactly as long as it is meant to. 14.4 spends 2 % of a month’s in an hour, and wakes somebody.',
      queries: [{ expr: series(watched.scope, 'slo:burn:rate1h'), legend: '{{slo}}' }],
      unit: 'short',
      min: 0,
      width: 12,
      thresholds: [
        { from: 1, color: 'orange' },
        { from: 14.4, color: 'red' },
      ],
    },
    {
      kind: 'lines',
      title: 'Share of bad requests, three days',
      description: 'Too slow or failed, of all. What may be is each SLO’s own: 5 % for a P95.',
      queries: [{ expr: series(watched.scope, 'slo:bad:ratio_rate3d'), legend: '{{slo}}' }],
      unit: 'percentunit',
      min: 0,
      width: 12,
    },
    {
      kind: 'states',
      title: 'Alerts that fire',
      description: 'Each bar is an alert while it fired.',
      queries: [
        {
          expr: series(watched.scope, 'ALERTS', 'alertstate="firing"', `stack="${watched.stack.name}"`),
          legend: '{{alertname}} {{stage}}{{tier}} {{slo}}',
        },
      ],
      unit: 'short',
      width: 24,
      thresholds: [{ from: 1, color: 'red' }],
    },
  ]
}
