/** Recording rules and alerts of the stack's SLOs. */
import { type Objective, type Unwatched, objectivesOf, percent } from '../objectives.ts'
import { logsOf, statusOf, steps } from '../runbook.ts'
import { series } from '../scope.ts'
import type { WatchedStage } from '../stages.ts'
import type { Watched } from '../watched.ts'
import type { AlertRule, RecordingRule, RuleGroup } from './rule.ts'
import { type BurnAlert, burnAlerts, secondsOf, windows } from './windows.ts'

/** Fewer bad requests than this within the short window say little, however large their share. */
const fewest = 3

export function sloRecording(watched: Watched, stages: readonly WatchedStage[]): RuleGroup<RecordingRule> {
  const { objectives, unwatched } = objectivesOf(watched, stages)
  const about = [
    'The stack’s SLOs (slo in ragscale.yaml) as shares of requests. Shares over longer windows are made of the five-minute rates, weighted by them: a mean of ratios would count a quiet hour as much as a busy one.',
    ...unwatched.map(({ because }: Unwatched) => because),
  ].join(' ')
  if (objectives.length === 0) return { name: 'ragscale.slo', rules: [] }
  return {
    name: 'ragscale.slo',
    because: about,
    rules: [...objectives.flatMap(ofObjective), ...overWindows(watched)],
  }
}

function ofObjective(objective: Objective): RecordingRule[] {
  const labels = { slo: objective.slo.on, stage: objective.slo.stage }
  return [
    { record: 'slo:requests:rate5m', expr: objective.requests, labels, because: objective.because },
    { record: 'slo:bad:rate5m', expr: objective.bad, labels },
    {
      record: 'slo:error_budget:ratio',
      expr: `vector(${objective.budget})`,
      labels,
      because: `${percent(objective.budget)} of requests may be bad.`,
    },
  ]
}

/** Every SLO at once: the labels are kept. */
function overWindows({ scope }: Watched): RecordingRule[] {
  const bad = series(scope, 'slo:bad:rate5m')
  const requests = series(scope, 'slo:requests:rate5m')
  const ratios = windows.map((window) => ({
    record: `slo:bad:ratio_rate${window}`,
    expr:
      window === '5m'
        ? `clamp_max(${bad} / (${requests} > 0), 1)`
        : `clamp_max(sum_over_time(${bad}[${window}]) / (sum_over_time(${requests}[${window}]) > 0), 1)`,
  }))
  return [
    ...ratios,
    {
      record: 'slo:burn:rate1h',
      expr: `${series(scope, 'slo:bad:ratio_rate1h')} / ${series(scope, 'slo:error_budget:ratio')}`,
      because:
        'How many times too fast the budget is spent: at 1 it lasts exactly as long as it is meant to.',
    },
  ]
}

export function sloAlerts(watched: Watched, stages: readonly WatchedStage[]): RuleGroup {
  const { objectives } = objectivesOf(watched, stages)
  return {
    name: 'ragscale.slo.alerts',
    because: `Each pair of windows and its pace: Site Reliability Workbook, chapter 5. Fewer than ${fewest} bad requests in the short window never alert.`,
    rules: objectives.flatMap((objective) =>
      burnAlerts(objective).map((burn) => burnAlert(watched, objective, burn)),
    ),
  }
}

function burnAlert(watched: Watched, { slo, budget, badIs }: Objective, burn: BurnAlert): AlertRule {
  const select = (metric: string): string => series(watched.scope, metric, `slo="${slo.on}"`)
  const isErrors = slo.percentile === null
  const { long, short, above, factor, nearlyAll } = burn
  return {
    alert: isErrors ? 'ErrorSloBurn' : 'LatencySloBurn',
    expr: [
      `${select(`slo:bad:ratio_rate${long}`)} > ${above}`,
      `${select(`slo:bad:ratio_rate${short}`)} > ${above}`,
      `avg_over_time(${select('slo:bad:rate5m')}[${short}]) * ${secondsOf(short)} >= ${fewest}`,
    ].join('\nand '),
    for: short === '5m' ? '1m' : '5m',
    labels: { severity: burn.severity, slo: slo.on, stage: slo.stage, window: long, ...watched.scope.labels },
    annotations: {
      summary: `${slo.on}: {{ $value | humanizePercentage }} of requests ${isErrors ? 'fail' : 'are too slow'} over ${long}`,
      description: [
        `In the last ${long} and the last ${short} more than ${percent(above)} of ${slo.stage} requests were bad (${badIs});`,
        `the SLO ${slo.on} allows ${percent(budget)}.`,
        nearlyAll
          ? 'Nearly everything is bad.'
          : `That is ${factor} times the budget’s own pace: ${burn.spends}.`,
        isErrors
          ? 'Find what fails and since when; load that was refused (429, 503) asks for replicas, anything else for a cure.'
          : 'Find the stage whose time grew; if the rate grew too, the stack wants more replicas.',
      ].join(' '),
      runbook: isErrors ? errorSteps(watched, slo.stage) : latencySteps(watched, slo.stage),
    },
    because: `${factor} × the error budget of ${percent(budget)}${nearlyAll ? `, which nothing can be, so ${percent(above)}` : ''}.`,
  }
}

const mainTier = { pipeline: 'gateway', retrieve: 'vector', ingest: 'worker' } as const

function tierOf(stage: string): string {
  return stage in mainTier ? mainTier[stage as keyof typeof mainTier] : stage
}

function latencySteps({ target, stack }: Watched, stage: string): string {
  const tier = tierOf(stage)
  return steps(
    'Open the dashboard "RAG overview": which stage’s P95 rose, and did the rate rise with it?',
    `Look whether all replicas are up: ${statusOf(target, tier)}.`,
    `Compare the rate with what the counts were chosen for (workload.rate, ${stack.workload.rate}/s). Above it: \`ragscale recommend --rate <rate now>\`, then \`--apply\`.`,
    `At the same rate as before: ${logsOf(target, tier)}; queues, preemptions and CPU on the tier’s dashboard.`,
    'To hold until then, add a replica to the bottleneck: `ragscale scale <tier>=<n>`.',
  )
}

function errorSteps({ target }: Watched, stage: string): string {
  const tier = tierOf(stage)
  return steps(
    'Open the dashboard "RAG overview": answers by status, and failures by stage, say whose failure it is.',
    `429 and 503 are backpressure: \`ragscale recommend\`, or add a replica now: \`ragscale scale ${tier}=<n>\`.`,
    `Otherwise read what it says: ${logsOf(target, tier)}; and look for replicas that are down: ${statusOf(target, tier)}.`,
    'Did it begin with a deploy or an ingest? Take that back first, and find the reason after.',
  )
}
