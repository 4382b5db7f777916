import type { Exposition, Labels } from './exposition.ts'
import { buckets, type EndpointStats, type RequestStats } from './stats.ts'

const points = '/collections/{collection_name}/points'

/** The endpoints that Qdrant counts in its metrics. */
const afterPoints =
  'batch count delete discover discover/batch facet payload payload/clear payload/delete query query/batch query/groups recommend recommend/batch recommend/groups scroll search search/batch search/groups search/matrix/offsets search/matrix/pairs vectors vectors/delete'
const counted: ReadonlySet<string> = new Set([
  '/collections/{collection_name}/index',
  points,
  ...afterPoints.split(' ').map((rest) => `${points}/${rest}`),
])

/** Answers by endpoint and status; durations of those that succeeded. */
export function endpointMetrics(out: Exposition, stats: RequestStats): void {
  const rows = stats.endpoints().flatMap(([name, statuses]) => {
    const [method = '', endpoint = ''] = name.split(' ')
    if (!counted.has(endpoint)) return []
    return [...statuses].map(([status, one]) => ({
      labels: { method, endpoint, status: String(status) },
      status,
      one,
    }))
  })
  if (rows.length === 0) return
  const succeeded = rows.filter(({ status }) => status === 200)
  const family = (
    type: 'counter' | 'gauge',
    name: string,
    help: string,
    of: typeof rows,
    value: (one: EndpointStats) => number,
  ) =>
    out.family(
      type,
      `rest_responses_${name}`,
      help,
      of.map(({ labels, one }) => [labels, value(one)]),
    )
  family('counter', 'total', 'total number of responses', rows, ({ count }) => count)
  family(
    'gauge',
    'avg_duration_seconds',
    'average response duration',
    succeeded,
    ({ totalMicros, count }) => totalMicros / count / 1e6,
  )
  family(
    'gauge',
    'min_duration_seconds',
    'minimum response duration',
    succeeded,
    ({ minMicros }) => minMicros / 1e6,
  )
  family(
    'gauge',
    'max_duration_seconds',
    'maximum response duration',
    succeeded,
    ({ maxMicros }) => maxMicros / 1e6,
  )
  if (succeeded.length === 0) return
  out.head('histogram', 'rest_responses_duration_seconds', 'response duration histogram')
  for (const { labels, one } of succeeded) histogram(out, labels, one)
}

function histogram(out: Exposition, labels: Labels, { inBucket, totalMicros, count }: EndpointStats): void {
  let cumulated = 0
  for (const [index, here] of inBucket.entries()) {
    cumulated += here
    out.sample(
      'rest_responses_duration_seconds_bucket',
      { ...labels, le: String(buckets[index] ?? '+Inf') },
      cumulated,
    )
  }
  out.sample('rest_responses_duration_seconds_sum', labels, totalMicros / 1e6)
  out.sample('rest_responses_duration_seconds_count', labels, count)
}
