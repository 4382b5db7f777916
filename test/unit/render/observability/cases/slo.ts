import { type AlertCase, type Series, rising, steady } from '../alert-case.ts'

/** Queries at 10/s, of which `slow` (a share) take longer than 5 s and `failed` are answered 502. */
function queries({ slow = 0, failed = 0 }: { slow?: number; failed?: number }): Series {
  const gateway = 'job="gateway", replica="a", route="query"'
  return {
    [`ragscale_gateway_requests_total{${gateway}, status="200"}`]: rising(10 * (1 - failed)),
    [`ragscale_gateway_requests_total{${gateway}, status="502"}`]: rising(10 * failed),
    [`ragscale_gateway_request_duration_seconds_count{${gateway}}`]: rising(10),
    [`ragscale_gateway_request_duration_seconds_bucket{${gateway}, le="5"}`]: rising(10 * (1 - slow)),
    [`ragscale_gateway_request_duration_seconds_bucket{${gateway}, le="+Inf"}`]: rising(10),
  }
}

/** Embedding at 10/s, of which `slow` take longer than 50 ms. */
function embeddings(slow: number): Series {
  const stage = 'job="gateway", replica="a", stage="embed"'
  return {
    [`ragscale_gateway_stage_duration_seconds_count{${stage}}`]: rising(10),
    [`ragscale_gateway_stage_duration_seconds_bucket{${stage}, le="0.05"}`]: rising(10 * (1 - slow)),
  }
}

export const sloCases: readonly AlertCase[] = [
  // P95: 5 % may be slow. 14.4 times that is 72 %, 6 times 30 %, 3 times 15 %.
  {
    alert: 'LatencySloBurn',
    only: 'slo="pipeline.latency.p95", window="1h"',
    over: queries({ slow: 0.74 }),
    under: queries({ slow: 0.7 }),
    at: '20m',
    notAt: '1m',
  },
  {
    alert: 'LatencySloBurn',
    only: 'slo="pipeline.latency.p95", window="6h"',
    over: queries({ slow: 0.32 }),
    under: queries({ slow: 0.28 }),
    at: '40m',
    notAt: '4m',
  },
  {
    alert: 'LatencySloBurn',
    only: 'slo="pipeline.latency.p95", window="1d"',
    over: queries({ slow: 0.16 }),
    under: queries({ slow: 0.14 }),
    at: '40m',
    notAt: '4m',
  },
  {
    alert: 'LatencySloBurn',
    only: 'slo="pipeline.latency.p95", window="3d"',
    over: queries({ slow: 0.06 }),
    under: queries({ slow: 0.04 }),
    at: '40m',
    notAt: '4m',
  },
  // A failure counts as slow, however quickly it came.
  {
    alert: 'LatencySloBurn',
    only: 'slo="pipeline.latency.p95", window="3d"',
    over: queries({ slow: 0.03, failed: 0.03 }),
    under: queries({ slow: 0.02, failed: 0.02 }),
    at: '40m',
  },
  {
    alert: 'LatencySloBurn',
    only: 'slo="embed.latency.p99", window="1h"',
    over: embeddings(0.16),
    under: embeddings(0.13),
    at: '20m',
  },
  // Prometheus 3 writes the bucket of one second as 1.0.
  {
    alert: 'LatencySloBurn',
    only: 'slo="generate.ttft.p95", window="1h"',
    over: firstTokens(0.74, '1.0'),
    under: firstTokens(0.7, '1.0'),
    at: '20m',
  },
  {
    alert: 'LatencySloBurn',
    only: 'slo="generate.ttft.p95", window="1h"',
    over: firstTokens(0.74, '1'),
    under: firstTokens(0.7, '1'),
    at: '20m',
  },
  {
    alert: 'ErrorSloBurn',
    only: 'slo="pipeline.errors", window="1h"',
    over: queries({ failed: 0.15 }),
    under: queries({ failed: 0.14 }),
    at: '20m',
    notAt: '1m',
  },
  {
    alert: 'ErrorSloBurn',
    only: 'slo="pipeline.errors", window="3d"',
    over: queries({ failed: 0.011 }),
    under: queries({ failed: 0.009 }),
    at: '40m',
  },
  // One bad request of two is half of everything, and wakes nobody.
  {
    alert: 'ErrorSloBurn',
    only: 'slo="pipeline.errors", window="1h"',
    over: rare(4),
    under: rare(2),
    at: '20m',
  },
  {
    alert: 'ErrorSloBurn',
    only: 'slo="ingest.errors", window="1h"',
    over: documents(0.15),
    under: documents(0.14),
    at: '20m',
  },
]

/** Answers of generate at 10/s, of which `late` show no token within a second. */
function firstTokens(late: number, oneSecond: string): Series {
  const server = 'job="generate", replica="generate-1", model_name="m", engine="0"'
  return {
    'ragscale_gateway_stage_duration_seconds_count{job="gateway", replica="a", stage="generate"}': rising(10),
    [`vllm:time_to_first_token_seconds_count{${server}}`]: rising(10),
    [`vllm:time_to_first_token_seconds_bucket{${server}, le="${oneSecond}"}`]: rising(10 * (1 - late)),
  }
}

/** `bad` failures in every five minutes, and as many answers. */
function rare(bad: number): Series {
  const gateway = 'job="gateway", replica="a", route="query"'
  return {
    [`ragscale_gateway_requests_total{${gateway}, status="200"}`]: rising(bad / 300),
    [`ragscale_gateway_requests_total{${gateway}, status="502"}`]: rising(bad / 300),
  }
}

function documents(failed: number): Series {
  return {
    'ragscale_worker_documents_total{job="worker", replica="a", result="stored"}': rising(10 * (1 - failed)),
    'ragscale_worker_documents_total{job="worker", replica="a", result="failed"}': rising(10 * failed),
  }
}

export const stageCases: readonly AlertCase[] = [
  // slo.pipeline.errors is 1 %.
  {
    alert: 'ErrorRateHigh',
    only: 'stage="pipeline"',
    over: queries({ failed: 0.011 }),
    under: queries({ failed: 0.009 }),
    at: '20m',
    notAt: '9m',
  },
  // No SLO on the errors of embed: 5 %.
  {
    alert: 'ErrorRateHigh',
    only: 'stage="embed"',
    over: { ...embeddings(0), ...failures(0.6) },
    under: { ...embeddings(0), ...failures(0.5) },
    at: '20m',
  },
  // workload.rate is 20/s, and a tenth more.
  {
    alert: 'LoadBeyondPlan',
    over: load(22.5),
    under: load(21.5),
    at: '25m',
    notAt: '14m',
  },
]

function failures(perSecond: number): Series {
  return {
    'ragscale_gateway_upstream_failures_total{job="gateway", replica="a", stage="embed"}': rising(perSecond),
  }
}

function load(perSecond: number): Series {
  return {
    'ragscale_gateway_requests_total{job="gateway", replica="a", route="query", status="200"}':
      rising(perSecond),
  }
}

/** All replicas of a job, `up` of them answering. */
function replicas(job: string, total: number, up: number, minutes = 90): Series {
  return Object.fromEntries(
    Array.from({ length: total }, (_, index) => [
      `up{job="${job}", replica="${job}-${index + 1}"}`,
      steady(index < up ? 1 : 0, minutes),
    ]),
  )
}

export const tierCases: readonly AlertCase[] = [
  {
    alert: 'TierDown',
    only: 'job="gateway"',
    over: { 'up{job="gateway", replica="a"}': '1x10 0x80', 'up{job="gateway", replica="b"}': '1x10 0x80' },
    under: { 'up{job="gateway", replica="a"}': '1x10 0x80', 'up{job="gateway", replica="b"}': steady(1) },
    at: '15m',
    notAt: '11m',
  },
  // Its containers are gone, and with them their names: no series at all.
  {
    alert: 'TierDown',
    only: 'job="embed"',
    over: { 'up{job="embed", replica="a"}': '1x10 stale', 'up{job="gateway", replica="a"}': steady(1) },
    // A model that loads for the first time was never up.
    under: replicas('embed', 2, 0),
    at: '30m',
    notAt: '11m',
  },
  {
    alert: 'ReplicasMissing',
    only: 'job="vector"',
    over: replicas('vector', 3, 2),
    under: replicas('vector', 3, 3),
    at: '30m',
    notAt: '1m',
  },
]
