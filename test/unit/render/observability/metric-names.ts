/** Which metrics a query reads, and which ones there are to read. */
import { componentNamed } from '../../../../src/catalog/catalog.ts'
import { clusterMetrics } from '../../../../src/catalog/cluster-metrics.ts'
import type { Observed } from '../../../../src/catalog/observed.ts'
import type { Topology } from '../../../../src/render/topology.ts'
import { watchedOf } from '../../../../src/render/observability/watched.ts'

/** Words of PromQL that are written where a metric's name could be. */
const words = new Set(
  'by on without ignoring group_left group_right bool offset and or unless le inf nan Inf NaN vector'.split(
    ' ',
  ),
)

/** Names of the metrics that a query selects. */
export function metricsIn(query: string): readonly string[] {
  const bare = query
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
    // Matchers, ranges, and the labels of what is grouped or joined by.
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)/g, '')
  const names = [...bare.matchAll(/(?<![\w:.])([a-zA-Z_:][\w:]*)(?![\w:]|\s*\()/g)].map(
    ([, name = '']) => name,
  )
  return [...new Set(names.filter((name) => !words.has(name)))]
}

/** Names that a histogram has in a Prometheus. */
function spelled([name, type]: readonly [string, string]): readonly string[] {
  if (type === 'histogram') return [`${name}_bucket`, `${name}_sum`, `${name}_count`]
  if (type === 'summary') return [name, `${name}_sum`, `${name}_count`]
  return [name]
}

/** What the servers of a topology export, by the name that is queried, with the job that exports it. */
export function exportedBy(topology: Topology): ReadonlyMap<string, ReadonlySet<string>> {
  const jobs = new Map<string, Set<string>>()
  const add = (job: string, metrics: Observed['exports']): void => {
    for (const name of Object.entries(metrics).flatMap(spelled)) {
      jobs.set(name, (jobs.get(name) ?? new Set()).add(job))
    }
  }
  for (const { name, observed } of watchedOf(topology).jobs) add(name, observed?.exports ?? {})
  if (topology.target === 'kubernetes') {
    add('kubelet', clusterMetrics)
    const exporter = componentNamed('dcgm')?.observed
    if (typeof exporter === 'object') add('dcgm', exporter.exports)
  }
  return jobs
}

/** What Prometheus makes itself. */
export const ownMetrics: ReadonlySet<string> = new Set(['up', 'ALERTS'])
