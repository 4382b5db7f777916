/** What runs costs, by tier, by query, and against the budget; and how well what is paid for is used. */
import { pricesAsOf } from '../../../catalog/gpus.ts'
import { hoursPerMonth, isPriced } from '../rules/cost.ts'
import { series } from '../scope.ts'
import { type Watched, jobOf } from '../watched.ts'
import type { PanelSpec, RowSpec, Threshold } from './panel.ts'

/** None where nothing that runs has a price. */
export function costRows(watched: Watched): RowSpec[] {
  if (!isPriced(watched)) return []
  const { budgetPerMonth } = watched.stack.limits
  const thresholds: readonly Threshold[] =
    budgetPerMonth === null
      ? []
      : [
          { from: Number((budgetPerMonth * 0.9).toPrecision(6)), color: 'orange' },
          { from: budgetPerMonth, color: 'red' },
        ]
  const perHour = series(watched.scope, 'stack:cost_per_hour:usd')
  const perQuery = series(watched.scope, 'stack:cost_per_1k_queries:usd')
  const budget = budgetPerMonth === null ? '' : ` (budget ${budgetPerMonth} USD)`
  const now: PanelSpec[] = [
    money(
      'stat',
      'Cost an hour',
      'GPUs that run now, and a provider’s tokens at the present rate.',
      perHour,
      6,
      [],
    ),
    money(
      'stat',
      `Cost a month at this pace${budget}`,
      'If what runs now ran all month.',
      `${perHour} * ${hoursPerMonth}`,
      6,
      thresholds,
    ),
    money(
      'stat',
      `Cost a month at the last day’s mean${budget}`,
      'Peaks and nights evened out.',
      `avg_over_time(${perHour}[1d]) * ${hoursPerMonth}`,
      6,
      thresholds,
    ),
    money(
      'stat',
      'Cost of 1,000 queries',
      'At the present rate: an idle stack makes each query dear.',
      perQuery,
      6,
      [],
    ),
  ]
  return [
    { title: 'Now', panels: now },
    { title: 'Over time', panels: overTime(watched, thresholds, perHour, perQuery) },
    { title: 'What it is used for', panels: use(watched) },
  ]
}

function overTime(
  watched: Watched,
  thresholds: readonly Threshold[],
  perHour: string,
  perQuery: string,
): PanelSpec[] {
  const byTier = `sum by (tier, priced_by) (${series(watched.scope, 'tier:cost_per_hour:usd')})`
  return [
    {
      ...money(
        'lines',
        'Cost an hour by tier',
        'GPUs: replicas × price, and one that does not answer costs as much. Tokens of a provider: as they are read and written.',
        byTier,
        12,
        [],
      ),
      queries: [{ expr: byTier, legend: '{{tier}} ({{priced_by}})' }],
      stacked: true,
    },
    money(
      'lines',
      'Cost a month at this pace',
      'The red line is limits.budget, where the stack sets one.',
      `${perHour} * ${hoursPerMonth}`,
      12,
      thresholds,
    ),
    money(
      'lines',
      'Cost of 1,000 queries',
      'It falls as the load rises: the same replicas answer more.',
      perQuery,
      12,
      [],
    ),
    {
      ...money('bars', 'By tier, now', 'Where to look first.', byTier, 12, []),
      queries: [{ expr: byTier, legend: '{{tier}} ({{priced_by}})' }],
    },
  ]
}

function use(watched: Watched): PanelSpec[] {
  const { rate } = watched.stack.workload
  const gateway = jobOf(watched, 'gateway')
  const planned: PanelSpec[] =
    gateway === undefined || rate <= 0
      ? []
      : [
          {
            kind: 'lines',
            title: 'Load, of what the counts were chosen for',
            description: `Queries a second ÷ workload.rate (${rate}/s). Far below 1 for long: fewer replicas would do.`,
            queries: [
              {
                expr: `${series(watched.scope, 'stage:requests:rate5m', 'stage="pipeline"')} / ${rate}`,
                legend: 'load',
              },
            ],
            unit: 'percentunit',
            min: 0,
            width: 12,
            thresholds: [{ from: 1, color: 'red' }],
          },
        ]
  const exporter = watched.jobs.find(({ name }) => name === 'dcgm')
  const utilisation = 'DCGM_FI_DEV_GPU_UTIL'
  if (exporter?.observed?.exports[utilisation] === undefined) return [...planned, cpuPanel(watched)]
  return [
    ...planned,
    {
      kind: 'lines',
      title: 'GPUs busy',
      description:
        'Mean over all GPUs. It is near 100 % with one sequence as with a hundred: what room is left is told by the KV cache and by a load test.',
      queries: [{ expr: `avg(${series(watched.scope, utilisation, 'job="dcgm"')}) / 100`, legend: 'busy' }],
      unit: 'percentunit',
      min: 0,
      max: 1,
      width: 12,
    },
  ]
}

function cpuPanel(watched: Watched): PanelSpec {
  return {
    kind: 'lines',
    title: 'CPU cores in use by tier',
    description: 'Summed over the replicas.',
    queries: [
      { expr: `sum by (tier) (${series(watched.scope, 'replica:cpu_cores:rate2m')})`, legend: '{{tier}}' },
    ],
    unit: 'short',
    min: 0,
    stacked: true,
    width: 12,
  }
}

function money(
  kind: 'stat' | 'lines' | 'bars',
  title: string,
  description: string,
  expr: string,
  width: number,
  thresholds: readonly Threshold[],
): PanelSpec {
  return {
    kind,
    title,
    description: `${description} Prices of ${pricesAsOf}; CPUs are not priced.`,
    queries: [{ expr, legend: 'cost' }],
    unit: 'currencyUSD',
    decimals: title.includes('1,000') ? 3 : 2,
    min: 0,
    width,
    thresholds,
  }
}
