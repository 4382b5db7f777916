/**
 * The stack's SLOs as Prometheus can hold them: of all requests, the share that may be bad (the error budget) and the
 * PromQL that counts the bad ones.
 *
 * A load test compares a percentile with its limit. Prometheus cannot: the percentile of a week is not made of the
 * percentiles of its minutes. "P95 ≤ 2 s" says the same as "at least 95 % take 2 s or less", and shares do add up, so
 * that is what is counted, and a failure counts as slow. A histogram only knows its buckets: where none ends at the
 * limit, the next one above is taken, and `because` says so.
 */
import type { Percentile, Slo } from '../../stack/stack.ts'
import { series, upTo } from './scope.ts'
import { type Histogram, type WatchedStage, inGateway, rate, serverHistogram } from './stages.ts'
import { type Watched, jobOf } from './watched.ts'

export interface Objective {
  readonly slo: Slo
  /** Share of requests that may be bad, above 0 and below 1. */
  readonly budget: number
  /** PromQL: requests a second; one series without labels. */
  readonly requests: string
  /** PromQL: requests a second that did not meet it. */
  readonly bad: string
  /** What makes a request bad, as it is counted: `slower than 5 s or failed`. */
  readonly badIs: string
  /** What is counted, and how far that is from what the SLO says. */
  readonly because: string
}

/** An SLO that no metric of this stack tells anything of. */
export interface Unwatched {
  readonly slo: Slo
  readonly because: string
}

const shares: Readonly<Record<Percentile, number>> = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p999: 0.999 }

export function objectivesOf(
  watched: Watched,
  stages: readonly WatchedStage[],
): { readonly objectives: readonly Objective[]; readonly unwatched: readonly Unwatched[] } {
  const all = watched.stack.slo.map((slo) => objectiveOf(watched, stages, slo))
  return {
    objectives: all.filter((one): one is Objective => 'bad' in one),
    unwatched: all.filter((one): one is Unwatched => !('bad' in one)),
  }
}

function objectiveOf(watched: Watched, stages: readonly WatchedStage[], slo: Slo): Objective | Unwatched {
  const stage = stages.find((one) => one.stage === slo.stage)
  if (stage === undefined) {
    return { slo, because: `${slo.on} is not watched: nothing that runs here tells of stage ${slo.stage}.` }
  }
  if (slo.percentile === null) return errors(slo, stage)
  const of = timesOf(watched, stage, slo.metric)
  if (of === null) return { slo, because: `${slo.on} is not watched: no server here tells ${slo.metric}.` }
  return within(watched, slo, shares[slo.percentile], stage, of)
}

function errors(slo: Slo, stage: WatchedStage): Objective | Unwatched {
  if (slo.limit <= 0) {
    return { slo, because: `${slo.on} is not watched: with no failure allowed there is no rate of spending.` }
  }
  const { requests, failures } = stage
  const because = `${slo.on} ≤ ${percent(slo.limit)}: requests that failed, of all.`
  return { slo, budget: slo.limit, requests, bad: failures, badIs: 'failed', because }
}

interface Times {
  readonly of: Histogram
  /** It holds one time a request of the stage; otherwise it counts something else (tokens). */
  readonly perRequest: boolean
  readonly failuresTimed: boolean
  readonly said: string
}

function timesOf(watched: Watched, stage: WatchedStage, metric: string): Times | null {
  if (metric === 'latency') {
    return { of: stage.duration, perRequest: true, failuresTimed: stage.failuresTimed, said: '' }
  }
  if (metric === 'rag_ttft' || metric === 'ttft') {
    if (stage.firstToken === null) return null
    const byServer =
      stage.stage === 'generate' ? ', as the server counts it, from when it got the request' : ''
    return { of: stage.firstToken, perRequest: true, failuresTimed: false, said: byServer }
  }
  if (metric === 'tpot' || metric === 'itl_gap') {
    const of = serverHistogram(watched, 'generate', metric === 'tpot' ? 'tpot' : 'interTokenLatency')
    if (of === null) return null
    return { of, perRequest: false, failuresTimed: false, said: ', as the server of generate counts it' }
  }
  const gateway = jobOf(watched, 'gateway')
  const part = (['gateway', 'embed', 'retrieve', 'rerank', 'generate'] as const).find(
    (name) => name === metric,
  )
  if (gateway === undefined || part === undefined) return null
  return {
    of: inGateway(gateway, part),
    perRequest: false,
    failuresTimed: false,
    said: ', where it was needed',
  }
}

function within(
  watched: Watched,
  slo: Slo,
  share: number,
  stage: WatchedStage,
  { of, perRequest, failuresTimed, said }: Times,
): Objective | Unwatched {
  if (of.buckets === null) {
    return { slo, because: `${slo.on} is not watched: the catalogue lists no buckets of ${of.metric}.` }
  }
  const limit = slo.limit / 1_000
  const bound = of.buckets.find((one) => one >= limit)
  if (bound === undefined) {
    const last = of.buckets.at(-1)
    return {
      slo,
      because: `${slo.on} is not watched: the limit of ${limit} s is beyond the last bucket of ${of.metric}, ${last} s.`,
    }
  }
  const sum = (suffix: string, ...matchers: readonly string[]): string =>
    `sum(${rate(series(watched.scope, `${of.metric}_${suffix}`, ...of.matchers, ...matchers))})`
  // A histogram by stage has no series before its first success.
  const quick = `(${sum('bucket', upTo(bound))} or vector(0))`
  const wanted = `${slo.on} ≤ ${limit} s${said}: no more than ${percent(1 - share)} may take longer`
  const counted =
    bound === limit
      ? `${wanted}; a bucket of ${of.metric} ends there.`
      : `${wanted}. No bucket of ${of.metric} ends at ${limit} s: this counts from the next one, ${bound} s, and is blind to what lies between.`
  const budget = rounded(1 - share)
  const slower =
    bound === limit ? `slower than ${limit} s` : `slower than ${bound} s, the first bucket beyond ${limit} s,`
  const badIs = perRequest ? `${slower} or failed` : slower.replace(/,$/, '')
  if (!perRequest) {
    return {
      slo,
      budget,
      requests: sum('count'),
      bad: `${sum('count')}\n- ${quick}`,
      badIs,
      because: counted,
    }
  }
  if (!failuresTimed) {
    const bad = `clamp_min(\n${indented(stage.requests)}\n  - ${quick},\n  0\n)`
    return {
      slo,
      budget,
      requests: stage.requests,
      bad,
      badIs,
      because: `${counted} What failed counts as slow.`,
    }
  }
  return {
    slo,
    budget,
    requests: stage.requests,
    bad: `clamp_min(\n  ${sum('count')}\n  - ${quick},\n  0\n)\n+ ${stage.failures}`,
    badIs,
    because: `${counted} What failed counts as slow, what failed slowly twice.`,
  }
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}

/** 1 − 0.999 is not 0.001 in binary. */
function rounded(value: number): number {
  return Number(value.toPrecision(6))
}

/** A share as a percentage: `0.1 %`. */
export function percent(share: number): string {
  return `${rounded(share * 100)} %`
}
