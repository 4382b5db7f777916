/** Runs with whatever a hostile world can put into them, for tests of renderers. */
import fc from 'fast-check'
import type { Recording } from '../../../src/recording/files.ts'
import type { MetricSummary } from '../../../src/recording/metrics.ts'
import type { Run, RunStep } from '../../../src/recording/run.ts'
import { embedSweep } from '../../golden/report/recordings.ts'
import { ofMs, seriesMap } from '../recording/fixtures.ts'

/** Text that breaks what does not escape it. */
export const hostile = fc.oneof(
  fc.constantFrom(
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    ']]>&lt;&amp;',
    '| a | b |\n| --- |',
    '`code` **bold** [link](javascript:alert(1)) @somebody #1',
    '\u001b[2J\u001b]0;title\u0007',
    'line one\nline two\r\n\ttab',
    '\u202eright to left',
    '漢字カナ한글',
    '\ud800 lone surrogate \ufffe',
    '</title></style></script>',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ maxLength: 200 }),
)

const amount = fc.oneof(
  fc.constantFrom(0, 1e-9, 0.001, 1, 999.9999, 1e6, 1e12),
  fc.double({ min: 0, max: 1e9, noNaN: true }),
)
const count = fc.oneof(fc.constantFrom(0, 1, 299, 300, 1e9), fc.nat(1e7))

const summary: fc.Arbitrary<MetricSummary> = fc.record({
  unit: fc.constant('ms' as const),
  count,
  min: amount,
  mean: amount,
  stddev: amount,
  p50: amount,
  p90: amount,
  p95: amount,
  p99: fc.option(amount),
  p999: fc.option(amount),
  max: amount,
})

const stages = fc.constantFrom('embed', 'retrieve', 'generate', 'pipeline')
const base = embedSweep()
const firstStep = base.run.steps[0] as RunStep

const step: fc.Arbitrary<RunStep> = fc
  .record({
    id: fc.oneof(fc.constantFrom('s1', 's2', 's3'), hostile),
    stage: stages,
    offered: amount,
    achieved: amount,
    completed: amount,
    fromRate: amount,
    toRate: amount,
    seconds: fc.double({ min: 0.001, max: 1e5, noNaN: true }),
    valid: fc.boolean(),
    invalidBecause: fc.array(hostile, { maxLength: 2 }),
    saturated: fc.boolean(),
    stopped: fc.option(hostile),
    requests: count,
    scheduled: count,
    succeeded: count,
    failed: count,
    shed: count,
    errors: fc.dictionary(hostile, count, { maxKeys: 4 }),
    goodput: amount,
    recallAtK: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    metrics: fc.dictionary(
      fc.constantFrom(
        'latency',
        'rag_ttft',
        'ttft',
        'tpot',
        'itl_gap',
        'embed',
        'retrieve',
        'generate',
        'gateway',
      ),
      summary,
    ),
    tiers: fc.dictionary(
      fc.oneof(fc.constantFrom('embed', 'vector'), hostile),
      fc.record({
        replicas: count,
        cpuCores: fc.option(amount),
        memoryBytes: fc.option(amount),
        network: fc.option(fc.record({ receivedBytesPerSecond: amount, sentBytesPerSecond: amount })),
        disk: fc.option(fc.record({ readBytesPerSecond: amount, writtenBytesPerSecond: amount })),
        gpuUtilization: fc.option(amount),
        gpuMemoryBytes: fc.option(amount),
        queue: fc.option(amount),
        signals: fc.dictionary(
          fc.oneof(fc.constantFrom('running', 'kvCacheUsed', 'preemptions'), hostile),
          amount,
        ),
      }),
      { maxKeys: 3 },
    ),
  })
  .map((over) => ({ ...firstStep, ...over, slo: [] }))

export const anyRun: fc.Arbitrary<Run> = fc
  .record({
    id: hostile,
    name: hostile,
    emulated: fc.boolean(),
    scenario: fc.oneof(fc.constantFrom('sweep', 'steady'), hostile),
    stages: fc.uniqueArray(stages, { minLength: 1 }),
    steps: fc.array(step, { maxLength: 5 }),
    verdict: fc.constantFrom('pass', 'fail', 'invalid', 'interrupted'),
    verdictBecause: fc.array(hostile, { maxLength: 2 }),
    slo: fc.array(
      fc.record({
        on: fc.oneof(fc.constantFrom('embed.latency.p99', 'embed.errors'), hostile),
        unit: fc.constantFrom('ms', 'ratio'),
        limit: amount,
        actual: fc.option(amount),
        step: fc.option(hostile),
        ok: fc.boolean(),
        because: fc.option(hostile),
      }),
      { maxLength: 3 },
    ),
  })
  .map(({ name, ...over }) => ({ ...base.run, ...over, stack: { ...base.run.stack, name } }))

/** A run with recordings that may be absent, short or of other steps. */
export const anyRecording: fc.Arbitrary<Recording> = fc
  .record({
    run: anyRun,
    hasRecordings: fc.boolean(),
    samples: fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { maxLength: 30 }),
  })
  .map(({ run, hasRecordings, samples }) => ({
    run,
    series: seriesMap(
      Object.fromEntries(run.steps.map((one) => [`${one.id}.${one.stage}.latency`, ofMs(...samples)])),
    ),
    intervals: hasRecordings ? base.intervals : [],
    resources: hasRecordings ? base.resources : [],
  }))
