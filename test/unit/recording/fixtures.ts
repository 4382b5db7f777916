/** Recordings made by hand, for tests of what is made of them. */
import type { Slo, Stack } from '../../../src/stack/stack.ts'
import { describeEnvironment } from '../../../src/recording/environment.ts'
import { histogramOf, type Histogram } from '../../../src/recording/histogram.ts'
import { seriesOf } from '../../../src/recording/hlog.ts'
import { recordStack } from '../../../src/recording/recorded-stack.ts'
import { stepLine, type IntervalLine, type StepLine } from '../../../src/recording/load-lines.ts'
import type { RunFacts } from '../../../src/recording/run.ts'
import type { Series, SeriesByTag } from '../../../src/recording/series.ts'
import type { Recorded } from '../../../src/recording/steps.ts'

export const t0 = Date.UTC(2026, 10, 21, 12, 0, 0)

/** A histogram of samples in milliseconds. */
export function ofMs(...samples: number[]): Histogram {
  return histogramOf(samples.map((ms) => [Math.round(ms * 1e6), 1] as const))
}

/** `count` samples spread evenly from `lowMs` to `highMs`. */
export function spread(count: number, lowMs: number, highMs: number): Histogram {
  return ofMs(
    ...Array.from(
      { length: count },
      (_, index) => lowMs + ((highMs - lowMs) * index) / Math.max(1, count - 1),
    ),
  )
}

export function seriesMap(histograms: Record<string, Histogram>): SeriesByTag {
  return new Map(
    Object.entries(histograms).map(([tag, histogram]): [string, Series] => [
      tag,
      seriesOf(tag, [{ startMs: t0 + 5000, endMs: t0 + 6000, histogram }]),
    ]),
  )
}

/** A healthy step of 50 a second for 30 seconds; `succeeded`, `sent` and `failed` follow from what is given. */
export function line(over: Partial<StepLine> = {}): StepLine {
  const scheduled = over.scheduled ?? 1500
  const failed = over.failed ?? 0
  return stepLine.parse({
    type: 'step',
    step: 's1',
    stage: 'embed',
    fromRate: 50,
    toRate: 50,
    startedAt: t0,
    windowStartedAt: t0 + 5000,
    windowMs: 30_000,
    drainedMs: 10,
    scheduled,
    sent: scheduled - (over.shed ?? 0),
    succeeded: scheduled - failed,
    failed,
    shed: 0,
    errors: {},
    good: scheduled - failed,
    saturated: false,
    cpuSeconds: 9,
    rssBytes: 52_000_000,
    ...over,
  })
}

export function recorded(over: Partial<Recorded> = {}): Recorded {
  return {
    steps: [line()],
    series: seriesMap({
      's1.embed.latency': spread(1500, 1, 20),
      's1.embed.schedule_delay': spread(1500, 0.01, 0.1),
    }),
    resources: [],
    generatorsLost: [],
    ...over,
  }
}

export function interval(over: Partial<IntervalLine> = {}): IntervalLine {
  return {
    type: 'interval',
    at: t0 + 6000,
    step: 's1',
    stage: 'embed',
    phase: 'window',
    elapsedMs: 1000,
    rate: 50,
    scheduled: 50,
    sent: 50,
    succeeded: 50,
    failed: 0,
    inFlight: 1,
    errors: {},
    latency: { p50: 2, p95: 4, p99: 5 },
    ttft: null,
    cpuSeconds: 0.3,
    rssBytes: 52_000_000,
    ...over,
  }
}

/** `slo('embed.latency.p99', 30)` or `slo('embed.errors', 0.01)`. */
export function slo(on: string, limit: number): Slo {
  const [stage, metric = '', percentile] = on.split('.')
  return {
    on,
    stage: stage as Slo['stage'],
    metric,
    percentile: (percentile as Slo['percentile'] | undefined) ?? null,
    limit,
    unit: metric === 'errors' ? 'ratio' : 'ms',
  }
}

export const stack: Stack = {
  name: 'handbook',
  target: 'local',
  file: '/home/somebody/handbook/ragscale.yaml',
  folder: '/home/somebody/handbook',
  rehearse: false,
  tiers: {
    gateway: { component: 'reference', replicas: 1 },
    embed: { component: 'tei', replicas: 2, model: 'BAAI/bge-base-en-v1.5', gpu: 'L4' },
  },
  balancer: { component: 'nginx', policy: 'least-connections', replicas: 1 },
  support: {},
  workload: {
    rate: 20,
    arrivals: { kind: 'poisson' },
    queries: '/home/somebody/handbook/data/queries.jsonl',
    zipf: 0.9,
    topK: 5,
    inputTokens: 128,
    outputTokens: 128,
    seed: 1,
  },
  slo: [],
  limits: {
    replicas: null,
    gpus: null,
    budgetPerMonth: null,
    load: { rate: null, requests: null, spend: null },
  },
  endpoints: {},
}

export function facts(over: Partial<RunFacts> = {}, slos: readonly Slo[] = []): RunFacts {
  return {
    id: 'a-run',
    startedAt: new Date(t0).toISOString(),
    target: 'local',
    emulated: true,
    stack: recordStack({ ...stack, slo: slos }),
    environment: {
      ...describeEnvironment(stack, '0.1.0'),
      cpuModel: 'A CPU',
      kernel: '6.1',
      cpuCores: 2,
      memoryBytes: 8e9,
    },
    scenario: 'steady',
    stages: ['embed'],
    arrivals: 'poisson',
    seed: 1,
    cache: 'cold',
    cpuCoresAvailable: 2,
    ...over,
  }
}
