/** How many replicas of each tier answer, and what to do when they do not. */
import { logsOf, statusOf, steps } from '../runbook.ts'
import { series } from '../scope.ts'
import { type Job, type Watched, tierJobs } from '../watched.ts'
import type { AlertRule, RecordingRule, RuleGroup } from './rule.ts'

export function tierRecording(watched: Watched): RuleGroup<RecordingRule> {
  return {
    name: 'ragscale.tiers',
    because: 'A replica is up when Prometheus could read its metrics at the last scrape.',
    rules: tierJobs(watched).flatMap((job): RecordingRule[] => {
      const up = series(watched.scope, 'up', `job="${job.name}"`)
      const labels = { tier: job.tier, job: job.name }
      return [
        { record: 'tier:replicas_up:count', expr: `sum(${up}) or vector(0)`, labels },
        {
          record: 'tier:replicas_declared:count',
          expr: `vector(${fewest(watched, job)})`,
          labels,
          because: declaredBecause(watched, job),
        },
      ]
    }),
  }
}

/** As many as there must be: where replicas follow the load, the fewest that they may be. */
function fewest(watched: Watched, { tier, name, workload }: Job): number {
  const scaled = autoscaleOf(watched, tier)
  return scaled === undefined || name !== tier ? workload.count : scaled.min
}

function declaredBecause(watched: Watched, { tier, workload }: Job): string {
  const scaled = autoscaleOf(watched, tier)
  if (scaled === undefined) return `${workload.because}.`
  return `tiers.${tier}.autoscale.min: there may be more, up to ${scaled.max}.`
}

/** Only Kubernetes lets replicas follow the load. */
function autoscaleOf({ stack, target }: Watched, tier: string): { min: number; max: number } | undefined {
  if (target !== 'kubernetes' || tier === 'vector') return undefined
  return stack.tiers[tier as Exclude<keyof typeof stack.tiers, 'vector'>]?.autoscale
}

export function tierAlerts(watched: Watched): RuleGroup {
  return {
    name: 'ragscale.tiers.alerts',
    rules: tierJobs(watched).flatMap((job) => [tierDown(watched, job), replicasMissing(watched, job)]),
  }
}

function tierDown(watched: Watched, { name, tier }: Job): AlertRule {
  const { scope, target } = watched
  const up = series(scope, 'tier:replicas_up:count', `job="${name}"`)
  return {
    alert: 'TierDown',
    expr: `${up} == 0\nand max_over_time(${up}[7d]) > 0`,
    for: '2m',
    labels: { severity: 'critical', tier, job: name, ...scope.labels },
    annotations: {
      summary: `${name}: no replica answers`,
      description: `For two minutes no replica of ${name} has answered. ${whatIsLost(tier)} Bring it back first, and ask why afterwards.`,
      runbook: steps(
        `What does the target say of them? ${statusOf(target, tier)}.`,
        `Why did they stop? ${logsOf(target, tier)}.`,
        'After a change of ragscale.yaml: take it back, `ragscale render`, `ragscale up`.',
        target === 'systemd'
          ? `Start them again: \`systemctl restart 'ragscale-${tier}@*'\`.`
          : 'Otherwise start what is missing: `ragscale up` starts only that.',
      ),
    },
    because: 'Only of what was once up: a model that loads for the first time is missing, not down.',
  }
}

function whatIsLost(tier: string): string {
  switch (tier) {
    case 'gateway':
    case 'balancer':
      return 'No query gets in.'
    case 'worker':
    case 'queue':
      return 'Queries are answered; documents wait.'
    case 'cache':
      return 'Queries are answered without the cache: every tier behind it gets its full load.'
    case 'metadata':
    case 'ui':
      return 'Queries are answered; what relies on it is not.'
    default:
      return 'Queries that no cache can answer fail.'
  }
}

function replicasMissing(watched: Watched, job: Job): AlertRule {
  const { name, tier, workload } = job
  const { scope, target } = watched
  const starts = workload.container.health?.startupSeconds ?? 60
  const minutes = Math.ceil(starts / 60) + 2
  const declared = fewest(watched, job)
  return {
    alert: 'ReplicasMissing',
    expr: `${series(scope, 'tier:replicas_up:count', `job="${name}"`)} < ${series(scope, 'tier:replicas_declared:count', `job="${name}"`)}`,
    for: `${minutes}m`,
    labels: { severity: 'warning', tier, job: name, ...scope.labels },
    annotations: {
      summary: `${name}: {{ $value | humanize }} of ${declared} replicas answer`,
      description: `For ${minutes} minutes fewer replicas of ${name} have answered than ragscale.yaml declares (${declared}). The others carry their load; the next one lost may be one too many.`,
      runbook: steps(
        `Which one is it? ${statusOf(target, tier)}.`,
        `Does it start at all? ${logsOf(target, tier)}.`,
        'No place to run it (no free GPU, no memory): free some, or declare fewer.',
      ),
    },
    because: `${minutes} minutes: it may take ${starts} s to start, and two minutes more.`,
  }
}
