/**
 * prometheus-adapter-values.yaml: the metrics that HorizontalPodAutoscalers ask for by name, for the chart
 * prometheus-community/prometheus-adapter (its `rules.external`).
 */
import { section, yamlText } from '../compose/document.ts'
import { namespacePlaceholder } from '../observability/scope.ts'
import type { Topology } from '../topology.ts'
import { type TierScaling, tierScaling } from './scaling-values.ts'

/** Null where no tier of the stack can follow its load. */
export function adapterValues(topology: Topology): string | null {
  const scalings = topology.workloads.flatMap((workload) => tierScaling(workload, topology) ?? [])
  if (scalings.length === 0) return null
  return yamlText({
    rules: section('For autoscaling.provider hpa. With keda nothing of this is needed.', {
      default: false,
      external: scalings.map(ruleOf),
    }),
  })
}

function ruleOf({ query, metricName }: TierScaling) {
  return {
    // By which the adapter finds that the metric is there; what it is worth is the query's.
    seriesQuery: `{__name__="${seriesOf(query)}"}`,
    resources: { overrides: { namespace: { resource: 'namespace' } } },
    name: { as: metricName },
    // The adapter puts the namespace of whoever asks in place of <<.LabelMatchers>>.
    metricsQuery: query.replaceAll(`namespace="${namespacePlaceholder}"`, '<<.LabelMatchers>>'),
  }
}

/** The first series that a query asks for. */
function seriesOf(query: string): string {
  const name = /([A-Za-z_:][\w:]*)\{/.exec(query)?.[1]
  if (name === undefined) throw new Error(`no series in the query ${query}`)
  return name
}
