/** The alerts that components bring themselves, each on its tier. */
import { dashboardTitleOf } from '../dashboards/titles.ts'
import { tierSteps } from '../runbook.ts'
import { ownQuery } from '../scope.ts'
import type { Watched } from '../watched.ts'
import type { RuleGroup } from './rule.ts'

export function componentAlerts(watched: Watched): readonly RuleGroup[] {
  return watched.jobs.map(({ name, tier, component, observed }) => ({
    name: `ragscale.${name}.alerts`,
    because: `What ${name} tells of itself (${component?.title ?? name}).`,
    rules: (observed?.alerts ?? []).map((alert) => ({
      alert: alert.name,
      expr: ownQuery(watched.scope, alert.expr, name),
      for: alert.for,
      labels: { severity: alert.severity, tier, ...watched.scope.labels },
      annotations: {
        summary: named(alert.summary, name),
        description: named(alert.description, name),
        runbook: tierSteps(watched.target, tier, dashboardTitleOf(tier)),
      },
    })),
  }))
}

/** An expression that sums everything leaves no label `job` to name in a text. */
function named(text: string, job: string): string {
  return text.replaceAll('{{ $labels.job }}', job)
}
