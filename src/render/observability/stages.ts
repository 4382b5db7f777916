/**
 * Where Prometheus sees a stage: which histogram holds its times, and what counts its requests and failures.
 *
 * A stage inside a query is seen by the gateway that calls it, as a load test sees it from outside: with the network,
 * the balancer and retries in it, and without what ingest workers ask of the same servers.
 */
import type { ReplicaTierName, Stage } from '../../stack/stack.ts'
import { series } from './scope.ts'
import { type Job, type Watched, jobOf } from './watched.ts'

/** A histogram of seconds. */
export interface Histogram {
  readonly metric: string
  readonly matchers: readonly string[]
  /** Rising upper bounds, without the infinite one; null where the catalogue does not say. */
  readonly buckets: readonly number[] | null
}

export interface WatchedStage {
  readonly stage: Stage
  /** Of whole requests. */
  readonly duration: Histogram
  /** To the first token of the answer; null where there is none, or no server tells it. */
  readonly firstToken: Histogram | null
  /** PromQL: requests a second that ended, one series, none while there are none. */
  readonly requests: string
  /** PromQL: failed requests a second; always one series. */
  readonly failures: string
  /** Whether `duration` also holds the requests that failed. */
  readonly failuresTimed: boolean
}

/** What decides that an answer of the gateway was a failure: its own errors and its upstreams', and overload. */
const failedStatus = 'status=~"5..|429"'
/** Neither good nor bad: a question that was none, and a caller that left before the end. */
const heard = 'status!~"400|499"'

/** Over the five minutes that every rate of the rules is taken over. */
export function rate(selector: string): string {
  return `rate(${selector}[5m])`
}

/** Every stage of the stack that something tells of, in the order of a query. */
export function watchedStages(watched: Watched): readonly WatchedStage[] {
  return [
    ...pipeline(watched),
    ...(['embed', 'retrieve', 'rerank', 'generate'] as const).flatMap((stage) => inQuery(watched, stage)),
    ...ingest(watched),
  ]
}

function pipeline(watched: Watched): WatchedStage[] {
  const gateway = jobOf(watched, 'gateway')
  if (gateway === undefined) return []
  const counted = (status: string): string =>
    `sum(${rate(series(watched.scope, 'ragscale_gateway_requests_total', jobIs(gateway), ...wholeQuery, status))})`
  return [
    {
      stage: 'pipeline',
      duration: histogram(gateway, 'ragscale_gateway_request_duration_seconds', ...wholeQuery),
      firstToken: histogram(gateway, 'ragscale_gateway_time_to_first_token_seconds', ...wholeQuery),
      requests: counted(heard),
      failures: orNone(counted(failedStatus)),
      failuresTimed: true,
    },
  ]
}

/** Matchers of the gateway's answers to whole queries, as it also retrieves and generates alone. */
const wholeQuery = ['route="query"']

const tierOf = { embed: 'embed', retrieve: 'vector', rerank: 'rerank', generate: 'generate' } as const

function inQuery(watched: Watched, stage: keyof typeof tierOf): WatchedStage[] {
  const gateway = jobOf(watched, 'gateway')
  if (watched.stack.tiers[tierOf[stage]] === undefined) return []
  if (gateway === undefined) return byServer(watched, stage)
  const duration = inGateway(gateway, stage)
  const failed = `sum(${rate(
    series(watched.scope, 'ragscale_gateway_upstream_failures_total', jobIs(gateway), `stage="${stage}"`),
  )})`
  const succeeded = `sum(${rate(series(watched.scope, `${duration.metric}_count`, ...duration.matchers))})`
  return [
    {
      stage,
      duration,
      firstToken: stage === 'generate' ? serverHistogram(watched, 'generate', 'ttft') : null,
      requests: `${orNone(succeeded)}\n+ ${orNone(failed)}`,
      failures: orNone(failed),
      failuresTimed: false,
    },
  ]
}

/** Without a gateway only the tier's own servers tell, of everything that they are asked. */
function byServer(watched: Watched, stage: keyof typeof tierOf): WatchedStage[] {
  const job = jobOf(watched, tierOf[stage])
  // Those of a database are of every kind of request, so they are no times of a search.
  const duration = stage === 'retrieve' ? null : serverHistogram(watched, tierOf[stage], 'duration')
  if (job === undefined || duration === null) return []
  const failures = job.component?.metrics['failures']
  const failed = failures === undefined ? null : `sum(${rate(series(watched.scope, failures, jobIs(job)))})`
  const succeeded = `sum(${rate(series(watched.scope, `${duration.metric}_count`, jobIs(job)))})`
  return [
    {
      stage,
      duration,
      firstToken: stage === 'generate' ? serverHistogram(watched, 'generate', 'ttft') : null,
      requests: failed === null ? succeeded : `${orNone(succeeded)}\n+ ${orNone(failed)}`,
      failures: failed === null ? 'vector(0)' : orNone(failed),
      failuresTimed: false,
    },
  ]
}

function ingest(watched: Watched): WatchedStage[] {
  const worker = jobOf(watched, 'worker')
  if (worker === undefined) return []
  const counted = (...result: readonly string[]): string =>
    `sum(${rate(series(watched.scope, 'ragscale_worker_documents_total', jobIs(worker), ...result))})`
  return [
    {
      stage: 'ingest',
      duration: histogram(worker, 'ragscale_worker_document_duration_seconds'),
      firstToken: null,
      requests: counted(),
      failures: orNone(counted('result="failed"')),
      failuresTimed: true,
    },
  ]
}

/** Time in one stage of a query, as the gateway saw it; `gateway` is its own. */
export function inGateway(
  gateway: Job,
  stage: 'embed' | 'retrieve' | 'rerank' | 'generate' | 'gateway',
): Histogram {
  return histogram(gateway, 'ragscale_gateway_stage_duration_seconds', `stage="${stage}"`)
}

/** What the tier's own server tells, by what the catalogue calls it; null where it does not. */
export function serverHistogram(
  watched: Watched,
  tier: ReplicaTierName | 'vector',
  tells: string,
): Histogram | null {
  const job = jobOf(watched, tier)
  const metric = job?.component?.metrics[tells]
  if (job === undefined || metric === undefined || job.observed?.exports[metric] !== 'histogram') return null
  return histogram(job, metric)
}

function histogram(job: Job, metric: string, ...matchers: readonly string[]): Histogram {
  return { metric, matchers: [jobIs(job), ...matchers], buckets: job.observed?.buckets?.[metric] ?? null }
}

function jobIs(job: Job): string {
  return `job="${job.name}"`
}

/** A counter that was never counted has no series: none are none, not unknown. */
function orNone(sum: string): string {
  return `(${sum} or vector(0))`
}

/** PromQL: a quantile (0 … 1) of the histogram over five minutes, in seconds. */
export function quantile(watched: Watched, of: Histogram, share: number): string {
  const buckets = series(watched.scope, `${of.metric}_bucket`, ...of.matchers)
  return `histogram_quantile(${share}, sum by (le) (${rate(buckets)}))`
}
