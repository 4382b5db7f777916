/** Two fixed recordings: a sweep of embed that passes, and a pipeline with failures and a step that may not be believed. */
import type { Environment } from '../../../src/recording/environment.ts'
import { assembleRun } from '../../../src/recording/assemble.ts'
import type { Recording } from '../../../src/recording/files.ts'
import { histogramOf, type Histogram } from '../../../src/recording/histogram.ts'
import { seriesOf } from '../../../src/recording/hlog.ts'
import type { IntervalLine, StepLine } from '../../../src/recording/load-lines.ts'
import { recordStack } from '../../../src/recording/recorded-stack.ts'
import { type ResourceSample, nothingSampled } from '../../../src/recording/resources.ts'
import type { RunFacts } from '../../../src/recording/run.ts'
import type { Series, SeriesInterval } from '../../../src/recording/series.ts'
import type { Slo } from '../../../src/stack/stack.ts'
import { facts, interval, line, slo, stack, t0 } from '../../unit/recording/fixtures.ts'

/** A linear congruential generator: the same numbers on every machine. */
function numbers(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648
}

/** Nanoseconds in HdrHistogram's buckets of three digits, as a log would hold them. */
function bucketed(ns: number): number {
  const width = 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, ns))) - 10)
  return Math.floor(ns / width) * width + Math.floor(width / 2)
}

interface StepPlan {
  readonly id: string
  readonly stage: string
  readonly rate: number
  readonly warmupMs: number
  readonly windowMs: number
  readonly startedAt: number
  /** Metric → a latency in ms for a random number and the share of the window that has passed. */
  readonly metrics: Readonly<Record<string, (random: () => number, passed: number) => number>>
  readonly errors?: Readonly<Record<string, number>>
  readonly over?: Partial<StepLine>
}

function exponential(random: () => number, meanMs: number): number {
  return -Math.log(1 - random()) * meanMs
}

interface Recorded {
  lines: StepLine[]
  series: Map<string, Series>
  intervals: IntervalLine[]
  resources: ResourceSample[]
}

function recordSteps(
  plans: readonly StepPlan[],
  tiers: Readonly<Record<string, { replicas: number; cores: number }>>,
): Recorded {
  const random = numbers(7)
  const recorded: Recorded = { lines: [], series: new Map(), intervals: [], resources: [] }
  for (const plan of plans) {
    const seconds = plan.windowMs / 1000
    const failedTotal = Object.values(plan.errors ?? {}).reduce((sum, count) => sum + count, 0)
    const scheduled = Math.round(plan.rate * seconds)
    const windowStartedAt = plan.startedAt + plan.warmupMs
    const byMetric = new Map<string, SeriesInterval[]>()
    for (let second = 1; second <= plan.warmupMs / 1000; second++) {
      recorded.intervals.push(
        interval({
          at: plan.startedAt + second * 1000,
          elapsedMs: second * 1000,
          phase: 'warmup',
          step: plan.id,
          stage: plan.stage,
          rate: plan.rate,
          scheduled: plan.rate,
          sent: plan.rate,
          succeeded: plan.rate,
        }),
      )
    }
    for (let second = 0; second < seconds; second++) {
      const arrived = Math.round(plan.rate * (0.9 + 0.2 * random()))
      const errors = Object.fromEntries(
        Object.entries(plan.errors ?? {})
          .map(
            ([label, count]) =>
              [label, second > seconds / 2 ? Math.round(random() * (count / seconds) * 4) : 0] as const,
          )
          .filter(([, count]) => count > 0),
      )
      const failed = Object.values(errors).reduce((sum, count) => sum + count, 0)
      recorded.intervals.push(
        interval({
          at: windowStartedAt + (second + 1) * 1000,
          elapsedMs: plan.warmupMs + (second + 1) * 1000,
          step: plan.id,
          stage: plan.stage,
          rate: plan.rate,
          scheduled: arrived,
          sent: arrived - (errors['shed'] ?? 0),
          succeeded: Math.max(0, arrived - failed),
          failed,
          errors,
        }),
      )
      for (const [metric, draw] of Object.entries(plan.metrics)) {
        const count = Math.max(0, Math.round((scheduled - failedTotal) / seconds))
        const histogram: Histogram = histogramOf(
          Array.from(
            { length: count },
            () => [bucketed(Math.round(draw(random, second / seconds) * 1e6)), 1] as const,
          ),
        )
        const startMs = windowStartedAt + second * 1000
        byMetric.set(metric, [...(byMetric.get(metric) ?? []), { startMs, endMs: startMs + 1000, histogram }])
      }
      for (const [tier, { replicas, cores }] of Object.entries(tiers)) {
        for (let replica = 1; replica <= replicas; replica++) {
          recorded.resources.push({
            ...nothingSampled,
            at: windowStartedAt + second * 1000 + 500,
            tier,
            replica: String(replica),
            cpuCores: (cores * plan.rate * (0.9 + 0.2 * random())) / replicas,
            memoryBytes: 90e6 + 1e6 * second,
            queue: Math.round(plan.rate / 40),
            network: { receivedBytesPerSecond: 1000 * plan.rate, sentBytesPerSecond: 3000 * plan.rate },
            signals:
              tier === 'balancer'
                ? {}
                : { running: plan.rate / 50, ...(tier === 'generate' ? { kvCacheUsed: 0.31 } : {}) },
          })
        }
      }
    }
    for (const [metric, intervals] of byMetric) {
      const tag = `${plan.id}.${plan.stage}.${metric}`
      recorded.series.set(tag, seriesOf(tag, intervals))
    }
    recorded.lines.push(
      line({
        step: plan.id,
        stage: plan.stage,
        fromRate: plan.rate,
        toRate: plan.rate,
        startedAt: plan.startedAt,
        windowStartedAt,
        windowMs: plan.windowMs,
        scheduled,
        failed: failedTotal,
        errors: plan.errors ?? {},
        cpuSeconds: 0.002 * plan.rate * seconds,
        ...plan.over,
      }),
    )
  }
  return recorded
}

const environment: Environment = {
  ragscale: '0.1.0',
  node: 'v24.15.0',
  platform: 'linux/x64',
  kernel: '6.8.0',
  cpuModel: 'Example CPU @ 2.80GHz',
  cpuCores: 8,
  memoryBytes: 32e9,
  stackHash: '0123456789abcdef',
  versions: { embed: 'emulated tei 1.9', vector: 'emulated qdrant 1.19' },
}

function recordingOf(
  known: RunFacts,
  plans: readonly StepPlan[],
  tiers: Readonly<Record<string, { replicas: number; cores: number }>>,
): Recording {
  const { lines, series, intervals, resources } = recordSteps(plans, tiers)
  const start = {
    type: 'start',
    schema: 'ragscale.load/1',
    at: t0,
    k6: '1.8.1',
    stage: plans[0]?.stage ?? '',
  } as const
  const last = lines.at(-1)
  const run = assembleRun(
    known,
    [start],
    { steps: lines, series, resources, generatorsLost: [] },
    {
      endedAt: new Date((last?.windowStartedAt ?? t0) + (last?.windowMs ?? 0)).toISOString(),
      interrupted: false,
    },
  )
  return { run, series, intervals, resources }
}

function factsOf(over: Partial<RunFacts>, slos: readonly Slo[]): RunFacts {
  return facts({ environment, cpuCoresAvailable: 8, stack: recordStack({ ...stack, slo: slos }), ...over })
}

/** Six rates past a knee at about 165 a second. */
export function embedSweep(): Recording {
  const rates = [30, 60, 90, 120, 150, 200]
  const plans = rates.map((rate, index): StepPlan => {
    const saturated = rate > 165
    return {
      id: `s${index + 1}`,
      stage: 'embed',
      rate,
      warmupMs: 3000,
      windowMs: 12_000,
      startedAt: t0 + index * 16_000,
      metrics: {
        latency: (random, passed) =>
          6 + exponential(random, 3 + (saturated ? 600 * passed : 400 / (168 - rate))),
        schedule_delay: (random) => 0.02 + exponential(random, 0.02),
      },
      ...(saturated
        ? { errors: { shed: 180, http_429: 45 }, over: { saturated, shed: 180, limitReachedMs: 4000 } }
        : {}),
    }
  })
  const slos = [slo('embed.latency.p95', 60), slo('embed.latency.p99', 100), slo('embed.errors', 0.001)]
  return recordingOf(factsOf({ id: '20261121-120000-embed-3f9a', scenario: 'sweep' }, slos), plans, {
    embed: { replicas: 2, cores: 0.008 },
    balancer: { replicas: 1, cores: 0.001 },
  })
}

/** A steady pipeline whose second step failed in part and whose third was sent late; its name is hostile. */
export function brokenPipeline(): Recording {
  const metrics = (slow: number, late = 0.02): StepPlan['metrics'] => ({
    latency: (random) => 900 * slow + exponential(random, 300 * slow),
    rag_ttft: (random) => 180 * slow + exponential(random, 60 * slow),
    tpot: (random) => 7 + exponential(random, 0.8),
    itl_gap: (random) => 6.5 + exponential(random, 1.5),
    gateway: (random) => 1 + exponential(random, 0.5),
    embed: (random) => 8 + exponential(random, 4),
    retrieve: (random) => 3 + exponential(random, 2 * slow),
    generate: (random) => 850 * slow + exponential(random, 250 * slow),
    schedule_delay: (random) => late + exponential(random, late),
  })
  const step = (index: number, over: Partial<StepPlan>): StepPlan => ({
    id: `s${index}`,
    stage: 'pipeline',
    rate: 20,
    warmupMs: 5000,
    windowMs: 20_000,
    startedAt: t0 + (index - 1) * 28_000,
    metrics: metrics(1),
    over: { recall: { sum: 387, count: 400 }, inputTokens: 500_000, outputTokens: 51_000, chunks: 50_000 },
    ...over,
  })
  const slos = [
    slo('pipeline.latency.p95', 2000),
    slo('pipeline.latency.p99', 3000),
    slo('pipeline.ttft.p99', 1000),
    slo('pipeline.errors', 0.001),
  ]
  const hostile = { ...stack, name: '<script>alert("ragscale")</script> & `co` | \u001b[31m', slo: slos }
  const known = factsOf(
    {
      id: '20261121-130000-pipeline-77b1',
      scenario: 'ramp',
      stages: ['pipeline'],
      stack: recordStack(hostile),
    },
    slos,
  )
  return recordingOf(
    known,
    [
      step(1, {}),
      step(2, { rate: 25, metrics: metrics(1.6), errors: { http_503: 14, timeout: 5, '<b>odd</b>': 1 } }),
      step(3, { rate: 30, metrics: metrics(2.4, 14) }),
    ],
    {
      gateway: { replicas: 1, cores: 0.02 },
      embed: { replicas: 2, cores: 0.01 },
      vector: { replicas: 3, cores: 0.015 },
      generate: { replicas: 1, cores: 0.04 },
    },
  )
}
