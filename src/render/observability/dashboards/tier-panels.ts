/** Panels of one tier, or of all of them: replicas, what they use, and what its component tells of itself. */
import type { Panel } from '../../../catalog/observed.ts'
import { pricesOf } from '../rules/cost.ts'
import { restartsTooMany } from '../rules/resources.ts'
import { ownQuery, series } from '../scope.ts'
import { type Job, type Watched, tierJobs } from '../watched.ts'
import type { PanelSpec, RowSpec } from './panel.ts'

/** A matcher of one tier and of the replicas that the variable chooses; of nothing, for all tiers. */
function matchers(tier: string | null): readonly string[] {
  return tier === null ? ['tier=~"$tier"'] : [`tier="${tier}"`, 'replica=~"$replica"']
}

/** CPU, memory and restarts: by replica of one tier, or the worst replica of each. */
export function usePanels(watched: Watched, tier: string | null): PanelSpec[] {
  const of = (metric: string): string => {
    const selector = series(watched.scope, metric, ...matchers(tier))
    return tier === null ? `max by (tier) (${selector})` : selector
  }
  const legend = tier === null ? '{{tier}}' : '{{replica}}'
  const worst = tier === null ? 'The busiest replica of each tier. ' : ''
  return [
    {
      kind: 'lines',
      title: 'CPU, of what it may use',
      description: `${worst}An alert fires above 70 % for five minutes.`,
      queries: [{ expr: of('replica:cpu_utilization:ratio'), legend }],
      unit: 'percentunit',
      min: 0,
      width: 8,
      thresholds: [{ from: 0.7, color: 'red' }],
    },
    {
      kind: 'lines',
      title: 'Memory, of what it may use',
      description: `${worst}An alert fires above 80 % for five minutes; at 100 % the kernel kills it.`,
      queries: [{ expr: of('replica:memory_utilization:ratio'), legend }],
      unit: 'percentunit',
      min: 0,
      width: 8,
      thresholds: [{ from: 0.8, color: 'red' }],
    },
    {
      kind: 'lines',
      title: 'Restarts in 30 minutes',
      description: `${worst}${restartsTooMany} of them are no deploy.`,
      queries: [{ expr: of('replica:restarts:changes30m'), legend }],
      unit: 'short',
      decimals: 0,
      min: 0,
      width: 8,
      thresholds: [{ from: restartsTooMany, color: 'red' }],
    },
  ]
}

export function replicasPanel(watched: Watched, job: Job | null, width: number): PanelSpec {
  const labels = job === null ? ['tier=~"$tier"'] : [`job="${job.name}"`]
  return {
    kind: 'lines',
    title: 'Replicas that answer',
    description:
      'Beside them how many ragscale.yaml declares; where they follow the load, the fewest that there may be.',
    queries: [
      { expr: series(watched.scope, 'tier:replicas_up:count', ...labels), legend: '{{job}}' },
      { expr: series(watched.scope, 'tier:replicas_declared:count', ...labels), legend: '{{job}}, declared' },
    ],
    unit: 'short',
    decimals: 0,
    min: 0,
    width,
  }
}

export function tierStats(watched: Watched, job: Job, width: number): PanelSpec[] {
  const declared = series(watched.scope, 'tier:replicas_declared:count', `job="${job.name}"`)
  const up = series(watched.scope, 'tier:replicas_up:count', `job="${job.name}"`)
  const stats: PanelSpec[] = [
    {
      kind: 'stat',
      title: 'Replicas missing',
      description: 'Declared in ragscale.yaml, and not answering.',
      queries: [{ expr: `clamp_min(${declared} - ${up}, 0)`, legend: 'missing' }],
      unit: 'short',
      decimals: 0,
      width,
      thresholds: [{ from: 1, color: 'red' }],
    },
  ]
  if (!pricesOf(watched).some((price) => price.job.name === job.name)) return stats
  return [
    ...stats,
    {
      kind: 'stat',
      title: 'Cost an hour',
      description: 'Of its GPUs, at the catalogue’s prices.',
      queries: [
        {
          expr: `sum(${series(watched.scope, 'tier:cost_per_hour:usd', `tier="${job.tier}"`)})`,
          legend: 'cost',
        },
      ],
      unit: 'currencyUSD',
      decimals: 2,
      width,
    },
  ]
}

/** What a component tells of itself; a row without panels is none. */
export function componentRow(watched: Watched, job: Job, collapsed: boolean): RowSpec[] {
  const panels = job.observed?.panels ?? []
  if (panels.length === 0) return []
  return [
    {
      title: `${job.component?.title ?? job.name} (${job.name})`,
      panels: panels.map((panel) => componentPanel(watched, job, panel)),
      collapsed,
    },
  ]
}

function componentPanel(watched: Watched, job: Job, panel: Panel): PanelSpec {
  return {
    kind: 'lines',
    title: panel.title,
    description: panel.description,
    queries: panel.queries.map(({ expr, legend }) => ({
      expr: ownQuery(watched.scope, expr, job.name),
      legend,
    })),
    unit: panel.unit,
    width: 8,
  }
}

/** Of tiers without a dashboard of their own: gateway, balancer, cache, metadata. */
export function otherJobs(watched: Watched, shownElsewhere: readonly string[]): readonly Job[] {
  return tierJobs(watched).filter(({ tier }) => !shownElsewhere.includes(tier))
}
