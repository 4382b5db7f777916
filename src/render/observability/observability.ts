/**
 * What watches a stack: Prometheus' configuration and rules, Grafana's data source and dashboards, the collector of
 * traces. On Kubernetes the rules and dashboards alone, as files of the chart, in which `RELEASE_NAMESPACE` stands for
 * the release's namespace.
 */
import type { Rendered, Templates } from '../rendered.ts'
import type { Topology } from '../topology.ts'
import { dashboardFiles } from './dashboards/dashboards.ts'
import { observabilityRoot } from './places.ts'
import { prometheusText } from './prometheus.ts'
import { componentAlerts } from './rules/components.ts'
import { costAlerts, costRecording } from './rules/cost.ts'
import { resourceAlerts } from './rules/resource-alerts.ts'
import { resourceRecording } from './rules/resources.ts'
import { type RecordingRule, type RuleGroup, rulesText } from './rules/rule.ts'
import { sloAlerts, sloRecording } from './rules/slo.ts'
import { stageAlerts, stageRecording } from './rules/stages.ts'
import { tierAlerts, tierRecording } from './rules/tiers.ts'
import { watchedStages } from './stages.ts'
import { targetFiles } from './target-files.ts'
import { type Watched, watchedOf } from './watched.ts'

/** @throws Error when a template is missing: the installation is broken */
export function renderObservability(topology: Topology, templates: Templates): Rendered {
  const watched = watchedOf(topology)
  const root = observabilityRoot[topology.target]
  const runs = (name: string): boolean => topology.workloads.some((workload) => workload.name === name)
  const files = new Map<string, string>()
  files.set('prometheus/rules/recording.yaml', recordingText(watched))
  files.set('prometheus/rules/alerts.yaml', alertsText(watched))
  if (topology.target !== 'kubernetes') files.set('prometheus/prometheus.yml', prometheusText(watched))
  if (topology.target === 'systemd') for (const [path, text] of targetFiles(watched)) files.set(path, text)
  if (runs('grafana')) {
    const provisioning = 'grafana/provisioning'
    files.set(`${provisioning}/datasources/ragscale.yaml`, template(templates, 'grafana/datasources.yaml'))
    files.set(`${provisioning}/dashboards/ragscale.yaml`, template(templates, 'grafana/provider.yaml'))
  }
  for (const [name, text] of dashboardFiles(watched)) files.set(`grafana/dashboards/${name}`, text)
  if (runs('collector')) files.set('collector/config.yaml', template(templates, 'collector/config.yaml'))
  return new Map([...files].map(([path, text]) => [`${root}/${path}`, text]))
}

function recordingText(watched: Watched): string {
  const stages = watchedStages(watched)
  const groups: readonly RuleGroup<RecordingRule>[] = [
    tierRecording(watched),
    resourceRecording(watched),
    stageRecording(watched, stages),
    sloRecording(watched, stages),
    costRecording(watched),
  ]
  return rulesText(
    groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => ({ ...rule, labels: { ...rule.labels, ...watched.scope.labels } })),
    })),
  )
}

function alertsText(watched: Watched): string {
  const stages = watchedStages(watched)
  return rulesText([
    sloAlerts(watched, stages),
    stageAlerts(watched, stages),
    tierAlerts(watched),
    resourceAlerts(watched),
    costAlerts(watched),
    ...componentAlerts(watched),
  ])
}

function template(templates: Templates, path: string): string {
  const text = templates.get(`observability/${path}`)
  if (text === undefined) throw new Error(`templates/observability/${path} is missing`)
  return text
}
