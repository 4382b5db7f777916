/**
 * Which series in a Prometheus are this stack's.
 *
 * On Compose, Swarm and plain hosts a Prometheus watches one stack, and needs nothing to tell it by. On Kubernetes one
 * Prometheus watches the whole cluster: there every series is asked for by its namespace, which the rules name by a
 * placeholder that the chart replaces, and the dashboards by a variable.
 *
 * Labels that every target's scraping promises (Prometheus' own configuration here, ServiceMonitors in the chart):
 * `job` is the workload's name (`embed`, `vector`, `metadata-replica`), `tier` the tier that it fills, `replica` what
 * one copy is known by (a container's or pod's name, a node's, else its address), and `namespace` on Kubernetes.
 */
import type { RenderTarget } from '../topology.ts'

export interface Scope {
  /** Label matchers that every selector begins with. */
  readonly matchers: readonly string[]
  /** Written onto what the rules record and alert on. */
  readonly labels: Readonly<Record<string, string>>
}

/** Stands for the release's namespace in the rules of the chart. */
export const namespacePlaceholder = 'RELEASE_NAMESPACE'

export function scopeOfRules(target: RenderTarget, stackName: string): Scope {
  if (target !== 'kubernetes') return { matchers: [], labels: { stack: stackName } }
  return {
    matchers: [`namespace="${namespacePlaceholder}"`],
    labels: { stack: stackName, namespace: namespacePlaceholder },
  }
}

export function scopeOfDashboards(target: RenderTarget, stackName: string): Scope {
  return {
    matchers: target === 'kubernetes' ? ['namespace="$namespace"'] : [],
    labels: { stack: stackName },
  }
}

/** `metric{matchers}`: a selector of this stack's series. */
export function series(scope: Scope, metric: string, ...matchers: readonly string[]): string {
  const all = [...scope.matchers, ...matchers]
  return all.length === 0 ? metric : `${metric}{${all.join(', ')}}`
}

/** A component's own query, which says `$job` for its tier's job. */
export function ownQuery(scope: Scope, query: string, job: string): string {
  const matchers = [`job="${job}"`, ...scope.matchers].join(', ')
  return query.replaceAll('job="$job"', matchers).replaceAll('$job', job)
}

/**
 * `0.5` as a matcher of the label `le`. Prometheus 3 keeps whole numbers as `1.0`, whatever the exposition said, and
 * Prometheus 2 keeps them as they came (https://prometheus.io/docs/prometheus/latest/migration): both are matched.
 */
export function upTo(bound: number): string {
  return Number.isInteger(bound) ? `le=~"${bound}(\\\\.0)?"` : `le="${bound}"`
}
