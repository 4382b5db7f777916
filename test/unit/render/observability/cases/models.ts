import { type AlertCase, type Series, rising, steady } from '../alert-case.ts'

const tei = 'job="embed", replica="embed-1"'
const vllm = 'job="generate", instance="generate-1:8000", replica="generate-1", model_name="m", engine="0"'
const tgi = 'job="generate", instance="generate-1:80", replica="generate-1"'
const gpu = 'job="dcgm", instance="host:9400", Hostname="host", gpu="0"'

/** A histogram of `rate` a second, of which these shares end in the buckets up to `le`. */
function histogram(
  metric: string,
  labels: string,
  rate: number,
  shares: Readonly<Record<string, number>>,
): Series {
  const buckets = Object.entries({ ...shares, '+Inf': 1 }).map(([le, share]) => [
    `${metric}_bucket{${labels}, le="${le}"}`,
    rising(rate * share),
  ])
  return Object.fromEntries(buckets)
}

/** At a time of `queued` s in the queue for 95 %, while a batch takes 40 ms. */
function teiTimes(queued: '0.1' | '0.2'): Series {
  const share = queued === '0.2' ? { '0.05': 0.1, '0.1': 0.2, '0.2': 1 } : { '0.05': 0.9, '0.1': 1, '0.2': 1 }
  return {
    ...histogram('te_request_queue_duration', tei, 10, share),
    ...histogram('te_request_inference_duration', tei, 10, { '0.04': 1 }),
  }
}

const teiCases: readonly AlertCase[] = [
  {
    alert: 'TeiRequestsFail',
    over: {
      [`te_request_count{${tei}}`]: rising(10),
      [`te_request_failure{${tei}, err="validation"}`]: rising(0.6),
    },
    under: {
      [`te_request_count{${tei}}`]: rising(10),
      [`te_request_failure{${tei}, err="validation"}`]: rising(0.4),
    },
    at: '15m',
    notAt: '4m',
  },
  {
    alert: 'TeiOverloaded',
    over: { [`te_request_failure{${tei}, err="overloaded"}`]: rising(0.1) },
    under: { [`te_request_failure{${tei}, err="validation"}`]: rising(0.1) },
    at: '15m',
    notAt: '4m',
  },
  {
    alert: 'TeiQueueOutlastsInference',
    over: teiTimes('0.2'),
    under: teiTimes('0.1'),
    at: '20m',
    notAt: '9m',
  },
]

/** How long 95 % of requests wait, at 10 a second. */
const waiting = (share: number): Series =>
  histogram('vllm:request_queue_time_seconds', vllm, 10, { '0.5': share, '1.0': share, '2.0': 1 })

const vllmCases: readonly AlertCase[] = [
  {
    alert: 'VllmKvCacheNearFull',
    over: { [`vllm:kv_cache_usage_perc{${vllm}}`]: steady(0.92) },
    under: { [`vllm:kv_cache_usage_perc{${vllm}}`]: steady(0.88) },
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'VllmRequestsWait',
    over: { [`vllm:num_requests_waiting{${vllm}}`]: steady(2) },
    under: { [`vllm:num_requests_waiting{${vllm}}`]: steady(1) },
    at: '10m',
    notAt: '4m',
  },
  { alert: 'VllmQueueTimeHigh', over: waiting(0.9), under: waiting(0.99), at: '20m', notAt: '9m' },
  {
    alert: 'VllmPreempts',
    over: { [`vllm:num_preemptions_total{${vllm}}`]: rising(0.2) },
    under: { [`vllm:num_preemptions_total{${vllm}}`]: rising(0.05) },
    at: '25m',
    notAt: '9m',
  },
  { alert: 'VllmRequestsFail', over: ended(0.6), under: ended(0.4), at: '15m', notAt: '4m' },
]

/** Requests that end well at 9/s, and so many a second that are aborted. */
function ended(aborted: number): Series {
  return {
    [`vllm:request_success_total{${vllm}, finished_reason="stop"}`]: rising(9.4),
    [`vllm:request_success_total{${vllm}, finished_reason="abort"}`]: rising(aborted),
  }
}

const tgiCases: readonly AlertCase[] = [
  {
    alert: 'TgiKvCacheNearFull',
    over: {
      [`tgi_batch_current_max_tokens{${tgi}}`]: steady(92_000),
      [`tgi_batch_max_total_tokens{${tgi}}`]: steady(100_000),
    },
    under: {
      [`tgi_batch_current_max_tokens{${tgi}}`]: steady(88_000),
      [`tgi_batch_max_total_tokens{${tgi}}`]: steady(100_000),
    },
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'TgiRequestsWait',
    over: { [`tgi_queue_size{${tgi}}`]: steady(2) },
    under: { [`tgi_queue_size{${tgi}}`]: steady(1) },
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'TgiRequestsFail',
    over: {
      [`tgi_request_count{${tgi}}`]: rising(10),
      [`tgi_request_failure{${tgi}, err="overloaded"}`]: rising(0.6),
    },
    under: {
      [`tgi_request_count{${tgi}}`]: rising(10),
      [`tgi_request_failure{${tgi}, err="overloaded"}`]: rising(0.4),
    },
    at: '15m',
    notAt: '4m',
  },
].map((one) => ({ ...one, variant: 'tgi' }))

const gpuCases: readonly AlertCase[] = [
  {
    alert: 'GpuError',
    over: { [`DCGM_FI_DEV_XID_ERRORS{${gpu}}`]: steady(79) },
    under: { [`DCGM_FI_DEV_XID_ERRORS{${gpu}}`]: steady(0) },
    at: '5m',
  },
  {
    alert: 'GpuHot',
    over: { [`DCGM_FI_DEV_GPU_TEMP{${gpu}}`]: steady(86) },
    under: { [`DCGM_FI_DEV_GPU_TEMP{${gpu}}`]: steady(84) },
    at: '15m',
    notAt: '9m',
  },
]

export const modelCases: readonly AlertCase[] = [...teiCases, ...vllmCases, ...tgiCases, ...gpuCases]
