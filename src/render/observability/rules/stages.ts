/** What every stage does: how many requests, how fast, how many fail. */
import { percent } from '../objectives.ts'
import { logsOf, statusOf, steps } from '../runbook.ts'
import { series } from '../scope.ts'
import { type WatchedStage, quantile, rate } from '../stages.ts'
import type { Watched } from '../watched.ts'
import type { AlertRule, RecordingRule, RuleGroup } from './rule.ts'

export const quantiles = { p50: 0.5, p95: 0.95, p99: 0.99 } as const

/** Of the ratio of errors; those that multi-window alerts and a human's questions need. */
const errorWindows = ['30m', '1h', '6h'] as const

export function stageRecording(watched: Watched, stages: readonly WatchedStage[]): RuleGroup<RecordingRule> {
  return {
    name: 'ragscale.stages',
    because:
      'Percentiles are of the histograms of all replicas merged, over five minutes; they are never averaged. Within a stage they are as good as the buckets are fine.',
    rules: [...stages.flatMap((stage) => ofStage(watched, stage)), ...errorRatios(watched)],
  }
}

function ofStage(
  watched: Watched,
  { stage, duration, firstToken, requests, failures }: WatchedStage,
): RecordingRule[] {
  const labels = { stage }
  const sum = (suffix: string): string =>
    `sum(${rate(series(watched.scope, `${duration.metric}_${suffix}`, ...duration.matchers))})`
  return [
    { record: 'stage:requests:rate5m', expr: requests, labels },
    { record: 'stage:failures:rate5m', expr: failures, labels },
    ...Object.entries(quantiles).map(([name, share]) => ({
      record: `stage:latency_seconds:${name}_5m`,
      expr: quantile(watched, duration, share),
      labels,
    })),
    { record: 'stage:latency_seconds:mean_5m', expr: `${sum('sum')}\n/ (${sum('count')} > 0)`, labels },
    ...(firstToken === null
      ? []
      : Object.entries(quantiles).map(([name, share]) => ({
          record: `stage:first_token_seconds:${name}_5m`,
          expr: quantile(watched, firstToken, share),
          labels,
        }))),
  ]
}

/** Every stage at once: the labels are kept. */
function errorRatios({ scope }: Watched): RecordingRule[] {
  const failures = series(scope, 'stage:failures:rate5m')
  const requests = series(scope, 'stage:requests:rate5m')
  return [
    { record: 'stage:errors:ratio_rate5m', expr: `${failures} / (${requests} > 0)` },
    ...errorWindows.map((window) => ({
      record: `stage:errors:ratio_rate${window}`,
      expr: `sum_over_time(${failures}[${window}]) / (sum_over_time(${requests}[${window}]) > 0)`,
    })),
  ]
}

/** Where the stack sets no SLO on errors. */
const errorsOtherwise = 0.05

export function stageAlerts(watched: Watched, stages: readonly WatchedStage[]): RuleGroup {
  const names = stages.map(({ stage }) => stage)
  return {
    name: 'ragscale.stages.alerts',
    rules: [...names.map((stage) => errorRate(watched, stage)), ...beyondPlan(watched, names)],
  }
}

function errorRate(watched: Watched, stage: string): AlertRule {
  const slo = watched.stack.slo.find((one) => one.stage === stage && one.metric === 'errors')
  const above = slo?.limit ?? errorsOtherwise
  return {
    alert: 'ErrorRateHigh',
    expr: `${series(watched.scope, 'stage:errors:ratio_rate5m', `stage="${stage}"`)} > ${above}`,
    for: '10m',
    labels: { severity: 'warning', stage, ...watched.scope.labels },
    annotations: {
      summary: `${stage}: {{ $value | humanizePercentage }} of requests fail`,
      description: `For ten minutes more than ${percent(above)} of ${stage} requests failed. See on the dashboard which status they got: 429 and 503 are load that was refused and ask for replicas, anything else asks for a cure.`,
      runbook: steps(
        'Open the dashboard "RAG overview": answers by status, and failures by stage.',
        `Look for replicas that are down: ${statusOf(watched.target, stage === 'ingest' ? 'worker' : 'gateway')}.`,
        `Read what the caller says of it: ${logsOf(watched.target, stage === 'ingest' ? 'worker' : 'gateway')}.`,
        'Refused load: `ragscale recommend --rate <rate now>` says what would hold it.',
      ),
    },
    because:
      slo === undefined
        ? `ragscale.yaml sets no slo.${stage}.errors: ${percent(above)} is where something is surely wrong.`
        : `slo.${stage}.errors: ${percent(above)}.`,
  }
}

/** Above the planned rate. */
const margin = 1.1

function beyondPlan(watched: Watched, stages: readonly string[]): AlertRule[] {
  const { rate: planned } = watched.stack.workload
  if (!stages.includes('pipeline') || planned <= 0) return []
  const above = Number((planned * margin).toPrecision(6))
  return [
    {
      alert: 'LoadBeyondPlan',
      expr: `${series(watched.scope, 'stage:requests:rate5m', 'stage="pipeline"')} > ${above}`,
      for: '15m',
      labels: { severity: 'warning', stage: 'pipeline', ...watched.scope.labels },
      annotations: {
        summary: `{{ $value | humanize }} queries/s, planned for ${planned}/s`,
        description: `For 15 minutes more queries came than the counts were chosen for (workload.rate, ${planned}/s). Nothing may be slow yet; ask for new counts before it is.`,
        runbook: steps(
          'Is it a load test? Then it is meant.',
          'Ask for counts at the new rate: `ragscale recommend --rate <rate now> --growth 1.5x`.',
          'Apply them: `ragscale recommend --rate <rate now> --apply`; then write the rate to workload.rate, and render again.',
        ),
      },
      because: `workload.rate in ragscale.yaml, ${planned}/s, and a tenth more: random arrivals at the planned rate are above it half the time.`,
    },
  ]
}
