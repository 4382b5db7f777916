/** Panels of one stage: its rate, times and failures, against the SLO that the stack sets it. */
import type { Percentile, Slo } from '../../../stack/stack.ts'
import { quantiles } from '../rules/stages.ts'
import { series } from '../scope.ts'
import type { WatchedStage } from '../stages.ts'
import type { Watched } from '../watched.ts'
import type { PanelSpec, Threshold } from './panel.ts'

/** What a stage is called on a panel. */
export const stageTitles = {
  pipeline: 'queries',
  embed: 'embed calls',
  retrieve: 'retrieve calls',
  rerank: 'rerank calls',
  generate: 'generate calls',
  ingest: 'documents',
} as const

export function recorded(watched: Watched, metric: string, stage?: string): string {
  return stage === undefined
    ? series(watched.scope, metric)
    : series(watched.scope, metric, `stage="${stage}"`)
}

/** The three figures that come first: how many, how fast, how many fail. */
export function stageStats(
  watched: Watched,
  { stage, firstToken }: WatchedStage,
  width: number,
): PanelSpec[] {
  const what = stageTitles[stage]
  const latency = shownPercentile(watched, stage, ['latency'])
  const first = shownPercentile(watched, stage, ['rag_ttft', 'ttft'])
  return [
    {
      kind: 'stat',
      title: `${upper(what)} a second`,
      description: 'Mean over five minutes, failed and refused ones included.',
      queries: [{ expr: recorded(watched, 'stage:requests:rate5m', stage), legend: what }],
      unit: 'reqps',
      width,
    },
    {
      kind: 'stat',
      title: titleOf('Latency', latency),
      description: `Over five minutes, from the request to the last byte. ${redBeyond(latency)}`,
      queries: [
        {
          expr: recorded(watched, `stage:latency_seconds:${latency.percentile}_5m`, stage),
          legend: latency.percentile,
        },
      ],
      unit: 's',
      width,
      thresholds: latency.thresholds,
    },
    ...(firstToken === null
      ? []
      : [
          {
            kind: 'stat' as const,
            title: titleOf('First token', first),
            description: `Over five minutes, to the first token of the answer. ${redBeyond(first)}`,
            queries: [
              {
                expr: recorded(watched, `stage:first_token_seconds:${first.percentile}_5m`, stage),
                legend: first.percentile,
              },
            ],
            unit: 's',
            width,
            thresholds: first.thresholds,
          },
        ]),
    {
      kind: 'stat',
      title: 'Errors',
      description: 'Share of requests that failed or were refused, over five minutes.',
      queries: [{ expr: recorded(watched, 'stage:errors:ratio_rate5m', stage), legend: 'errors' }],
      unit: 'percentunit',
      decimals: 2,
      width,
      thresholds: errorThresholds(watched, stage),
    },
  ]
}

/** Percentiles over time, with a line at the limit. */
export function latencyPanel(watched: Watched, stage: WatchedStage, width: number): PanelSpec {
  const shown = shownPercentile(watched, stage.stage, ['latency'])
  return {
    kind: 'lines',
    title: `Latency of ${stageTitles[stage.stage]}`,
    description: `From all replicas' histograms merged. ${lineAt(shown)}`,
    queries: Object.keys(quantiles).map((name) => ({
      expr: recorded(watched, `stage:latency_seconds:${name}_5m`, stage.stage),
      legend: name.toUpperCase(),
    })),
    unit: 's',
    min: 0,
    width,
    thresholds: shown.thresholds,
  }
}

export function firstTokenPanel(watched: Watched, stage: WatchedStage, width: number): PanelSpec[] {
  if (stage.firstToken === null) return []
  const shown = shownPercentile(watched, stage.stage, ['rag_ttft', 'ttft'])
  return [
    {
      kind: 'lines',
      title: `First token of ${stageTitles[stage.stage]}`,
      description: `What a reader waits for. ${lineAt(shown)}`,
      queries: Object.keys(quantiles).map((name) => ({
        expr: recorded(watched, `stage:first_token_seconds:${name}_5m`, stage.stage),
        legend: name.toUpperCase(),
      })),
      unit: 's',
      min: 0,
      width,
      thresholds: shown.thresholds,
    },
  ]
}

export function ratePanel(watched: Watched, { stage }: WatchedStage, width: number): PanelSpec {
  return {
    kind: 'lines',
    title: `${upper(stageTitles[stage])} a second`,
    description: 'What came, and how much of it failed or was refused.',
    queries: [
      { expr: recorded(watched, 'stage:requests:rate5m', stage), legend: 'all' },
      { expr: recorded(watched, 'stage:failures:rate5m', stage), legend: 'failed' },
    ],
    unit: 'reqps',
    min: 0,
    width,
  }
}

/** Where requests were between quick and slow: two humps are two kinds of requests. */
export function heatPanel(watched: Watched, { stage, duration }: WatchedStage, width: number): PanelSpec {
  const buckets = series(watched.scope, `${duration.metric}_bucket`, ...duration.matchers)
  return {
    kind: 'heatmap',
    title: `Spread of latency of ${stageTitles[stage]}`,
    description:
      'How many requests ended in each bucket. Two bands are two kinds of requests: hits and misses of a cache, short and long answers.',
    queries: [{ expr: `sum by (le) (increase(${buckets}[$__rate_interval]))`, legend: '{{le}}' }],
    unit: 's',
    width,
  }
}

interface Shown {
  /** One that is recorded. */
  readonly percentile: keyof typeof quantiles
  /** In seconds; null where the stack sets none. */
  readonly limit: number | null
  readonly thresholds: readonly Threshold[]
}

/** The percentile that the stack limits, the highest of several; P95 where it limits none. */
function shownPercentile(watched: Watched, stage: string, metrics: readonly string[]): Shown {
  const limited = watched.stack.slo.filter(
    (slo): slo is Slo & { percentile: Percentile } =>
      slo.stage === stage &&
      metrics.includes(slo.metric) &&
      slo.percentile !== null &&
      slo.percentile in quantiles,
  )
  const chosen = limited.toSorted((a, b) => a.percentile.localeCompare(b.percentile)).at(-1)
  if (chosen === undefined) return { percentile: 'p95', limit: null, thresholds: [] }
  const limit = chosen.limit / 1_000
  const thresholds: readonly Threshold[] = [
    { from: Number((limit * 0.8).toPrecision(6)), color: 'orange' },
    { from: limit, color: 'red' },
  ]
  return { percentile: chosen.percentile as keyof typeof quantiles, limit, thresholds }
}

function errorThresholds(watched: Watched, stage: string): readonly Threshold[] {
  const slo = watched.stack.slo.find((one) => one.stage === stage && one.metric === 'errors')
  return [{ from: slo?.limit ?? 0.05, color: 'red' }]
}

function titleOf(what: string, { percentile, limit }: Shown): string {
  const name = `${what}, ${percentile.toUpperCase()}`
  return limit === null ? name : `${name} (SLO ${limit} s)`
}

function redBeyond({ limit }: Shown): string {
  return limit === null
    ? 'The stack sets no SLO on it.'
    : `Red beyond the SLO of ${limit} s, orange from 80 % of it.`
}

function lineAt({ percentile, limit }: Shown): string {
  return limit === null ? '' : `The red line is the SLO: ${percentile.toUpperCase()} within ${limit} s.`
}

function upper(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}
