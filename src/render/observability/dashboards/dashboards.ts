/** Every dashboard of a stack, as files by name. */
import { scopeOfDashboards, series } from '../scope.ts'
import type { Watched } from '../watched.ts'
import { costRows } from './cost.ts'
import { type DashboardSpec, type Variable, dashboardText } from './grafana.ts'
import { overviewRows } from './overview.ts'
import type { RowSpec } from './panel.ts'
import { tierDashboards, tierRows } from './tier.ts'
import { type DashboardName, dashboardTitles } from './titles.ts'

/** File name (`overview.json`) → text. A dashboard that would show nothing is left out. */
export function dashboardFiles(rules: Watched): ReadonlyMap<string, string> {
  const watched: Watched = { ...rules, scope: scopeOfDashboards(rules.target, rules.stack.name) }
  const files = new Map<string, string>()
  const add = (
    name: DashboardName,
    description: string,
    variables: readonly Variable[],
    rows: readonly RowSpec[],
  ): void => {
    if (rows.length > 0)
      files.set(`${name}.json`, dashboardText(specOf(watched, name, description, variables, rows)))
  }
  const shownElsewhere = tierDashboards.flatMap(({ tier, beside }) => [tier, ...beside])
  add(
    'overview',
    'Is the stack well, where does a query’s time go, and which tier is in the way?',
    [tiers(watched)],
    overviewRows(watched, shownElsewhere),
  )
  for (const about of tierDashboards) {
    add(about.name, about.description, [replicas(watched, about.tier)], tierRows(watched, about))
  }
  add('cost', 'What runs costs, by tier, by query, and against the budget.', [], costRows(watched))
  return files
}

function specOf(
  watched: Watched,
  name: DashboardName,
  description: string,
  variables: readonly Variable[],
  rows: readonly RowSpec[],
): DashboardSpec {
  return {
    uid: `ragscale-${watched.stack.name.slice(0, 20)}-${name}`,
    title: dashboardTitles[name],
    description: `Stack ${watched.stack.name}. ${description}`,
    variables: [...(watched.target === 'kubernetes' ? [namespaces] : []), ...variables],
    rows,
    alerts: series(watched.scope, 'ALERTS', 'alertstate="firing"', `stack="${watched.stack.name}"`),
  }
}

const namespaces: Variable = {
  name: 'namespace',
  label: 'Namespace',
  query: 'label_values(tier:replicas_declared:count, namespace)',
  multiple: false,
}

function tiers({ scope }: Watched): Variable {
  return {
    name: 'tier',
    label: 'Tier',
    query: `label_values(${series(scope, 'tier:replicas_declared:count')}, tier)`,
    multiple: true,
  }
}

function replicas({ scope }: Watched, tier: string): Variable {
  return {
    name: 'replica',
    label: 'Replica',
    query: `label_values(${series(scope, 'replica:cpu_utilization:ratio', `tier="${tier}"`)}, replica)`,
    multiple: true,
  }
}
