import { describe, expect, it } from 'vitest'
import { mergeHistograms } from '../../../src/recording/histogram.ts'
import {
  type ResourceSample,
  nothingSampled,
  parseResourceLine,
  tierUse,
} from '../../../src/recording/resources.ts'
import { buildSteps, type Recorded, type StepContext } from '../../../src/recording/steps.ts'
import { line, ofMs, recorded, seriesMap, slo, spread, t0 } from './fixtures.ts'

const context: StepContext = { target: 'local', slos: [], cpuCoresAvailable: 2 }

function step(over: Partial<Recorded> = {}, other: Partial<StepContext> = {}) {
  const [first] = buildSteps(recorded(over), { ...context, ...other })
  if (first === undefined) throw new Error('no step was built')
  return first
}

describe('the rates of a step', () => {
  it('divides what was scheduled, sent and succeeded by the seconds of the window', () => {
    const built = step({
      steps: [line({ scheduled: 1500, shed: 6, failed: 9, errors: { http_429: 3 }, good: 1443 })],
    })
    expect(built).toMatchObject({
      offered: 50,
      achieved: 1494 / 30,
      completed: 1491 / 30,
      goodput: 1443 / 30,
      seconds: 30,
      requests: 1494,
      scheduled: 1500,
      succeeded: 1491,
      failed: 9,
      errors: { http_429: 3, shed: 6 },
    })
  })

  it('leaves out a step whose window never began', () => {
    expect(buildSteps(recorded({ steps: [line({ windowMs: 0, scheduled: 0 })] }), context)).toEqual([])
  })

  it('gives recall only where answers could be judged', () => {
    expect(step().recallAtK).toBeNull()
    expect(step({ steps: [line({ recall: { sum: 9.5, count: 10 } })] }).recallAtK).toBe(0.95)
  })

  it('keeps the steps of two stages apart even when they share an id', () => {
    const built = buildSteps(
      recorded({
        steps: [line(), line({ stage: 'retrieve' })],
        series: seriesMap({ 's1.embed.latency': ofMs(1), 's1.retrieve.latency': ofMs(2) }),
      }),
      context,
    )
    expect(built.map((one) => one.metrics['latency']?.p50)).toEqual([1, 2])
  })
})

describe('the percentiles of a step', () => {
  it('knows no p99 below 300 samples and no p99.9 below 3,000', () => {
    const known = (count: number) => {
      const { p95, p99, p999 } = step({ series: seriesMap({ 's1.embed.latency': spread(count, 1, 2) }) })
        .metrics['latency']!
      return [p95, p99, p999].map((value) => value !== null)
    }
    expect(known(299)).toEqual([true, false, false])
    expect(known(300)).toEqual([true, true, false])
    expect(known(2999)).toEqual([true, true, false])
    expect(known(3000)).toEqual([true, true, true])
  })
})

describe('a step that may not be believed', () => {
  const reasons = (over: Partial<Recorded>, other: Partial<StepContext> = {}) =>
    step(over, other).invalidBecause

  it('is valid when nothing is wrong', () => {
    expect(step()).toMatchObject({ valid: true, invalidBecause: [] })
  })

  it('was sent more than 10 ms late at the median', () => {
    const late = seriesMap({
      's1.embed.latency': spread(1500, 100, 2000),
      's1.embed.schedule_delay': spread(1500, 9, 12),
    })
    expect(reasons({ series: late })).toEqual([
      'the generator sent requests late: by 10.5 ms at the median, more than 10 ms',
    ])
  })

  it('was sent late at the P99 by more than 10 % of the P99 of latency', () => {
    const late = seriesMap({
      's1.embed.latency': spread(1500, 1, 20),
      's1.embed.schedule_delay': spread(1500, 0, 3),
    })
    expect(reasons({ series: late })[0]).toContain("more than 10 % of the latency's P99 of 19.8 ms")
  })

  it('is believed, however late it was sent, when the system was saturated', () => {
    const late = seriesMap({
      's1.embed.latency': spread(1500, 1, 20),
      's1.embed.schedule_delay': spread(1500, 500, 900),
    })
    expect(step({ series: late, steps: [line({ saturated: true, shed: 10, failed: 10 })] })).toMatchObject({
      valid: true,
      saturated: true,
    })
  })

  it('had a generator on more than 80 % of the CPU that it may use', () => {
    const steps = [line({ cpuSeconds: 49.5 })]
    expect(step({ steps }).generatorCpuCores).toBe(1.65)
    expect(reasons({ steps })).toEqual(['the generator used 1.65 of its 2 CPU cores, more than 80 %'])
    expect(reasons({ steps }, { cpuCoresAvailable: 4 })).toEqual([])
  })

  it('had a host more than 90 % busy, on the targets that share it', () => {
    const resources: ResourceSample[] = [
      { at: t0 + 6000, hostCpu: 0.9 },
      { at: t0 + 7000, hostCpu: 0.96 },
      { at: t0 + 90_000, hostCpu: 0 },
    ]
    expect(reasons({ resources })).toEqual(["the host's CPU was 93 % busy, more than 90 %"])
    expect(reasons({ resources }, { target: 'external' })).toHaveLength(1)
    expect(reasons({ resources }, { target: 'kubernetes' })).toEqual([])
  })

  it('had an emulated replica whose real work outran its modelled time', () => {
    const sample = { ...nothingSampled, at: t0 + 6000, tier: 'embed', cpuCores: 1, memoryBytes: 1 }
    const resources: ResourceSample[] = [
      { ...sample, replica: '1', emulated: { answers: 1000, late: { 1: 300, 1.5: 3, 2: 0 } } },
      { ...sample, replica: '2', emulated: { answers: 1000, late: { 1: 300, 1.5: 30, 2: 0 } } },
    ]
    expect(reasons({ resources })).toEqual([
      'the emulated replica embed 2 could not work as fast as it models: 3 % of its answers were more than 1.5 ms late, where p99 is 19.8 ms',
    ])
  })

  it('lost a generator', () => {
    expect(reasons({ generatorsLost: ['generator-2'] })).toEqual(['the generator generator-2 was lost'])
  })

  it('has too few samples for an SLO that asks, and only then', () => {
    const few = {
      series: seriesMap({ 's1.embed.latency': spread(299, 1, 2) }),
      steps: [line({ scheduled: 299 })],
    }
    expect(reasons(few)).toEqual([])
    expect(reasons(few, { slos: [slo('embed.latency.p95', 100)] })).toEqual([])
    expect(reasons(few, { slos: [slo('retrieve.latency.p99', 100)] })).toEqual([])
    expect(reasons(few, { slos: [slo('embed.latency.p99', 100)] })).toEqual([
      'the SLO on embed.latency.p99 needs 300 samples, and there are 299',
    ])
  })

  it('measured nothing of what an SLO asks for', () => {
    expect(reasons({}, { slos: [slo('embed.tpot.p50', 100)] })).toEqual([
      'the SLO on embed.tpot.p50 asks for tpot, and none was measured',
    ])
  })

  it('scheduled nothing', () => {
    expect(reasons({ steps: [line({ scheduled: 0 })] })).toEqual(['nothing was scheduled in its window'])
  })
})

describe('a step against its SLOs', () => {
  it('counts a failure as infinitely late', () => {
    const series = seriesMap({ 's1.embed.latency': spread(1490, 1, 20) })
    const judged = (failed: number) =>
      step({ series, steps: [line({ failed })] }, { slos: [slo('embed.latency.p99', 100)] }).slo[0]
    expect(judged(10)).toMatchObject({ ok: true, because: null })
    expect(judged(20)).toEqual({
      on: 'embed.latency.p99',
      unit: 'ms',
      limit: 100,
      actual: null,
      step: 's1',
      ok: false,
      because: '1.33 % of the requests failed, and a failure counts as infinitely late',
    })
  })

  it('prints percentiles of successes alone', () => {
    const series = seriesMap({ 's1.embed.latency': spread(1400, 1, 20) })
    const built = step({ series, steps: [line({ failed: 100 })] }, { slos: [slo('embed.latency.p95', 100)] })
    expect(built.metrics['latency']).toMatchObject({ count: 1400, p99: expect.closeTo(19.8, 1) })
    expect(built.slo[0]?.ok).toBe(false)
  })

  it('judges the share of errors', () => {
    const judged = step(
      { steps: [line({ failed: 15 })] },
      { slos: [slo('embed.errors', 0.01), slo('retrieve.errors', 0)] },
    ).slo
    expect(judged).toEqual([expect.objectContaining({ on: 'embed.errors', actual: 0.01, ok: true })])
  })

  it('reads ttft of a pipeline from the time since the query was scheduled', () => {
    const built = step(
      {
        steps: [line({ stage: 'pipeline' })],
        series: seriesMap({
          's1.pipeline.ttft': spread(1500, 1, 2),
          's1.pipeline.rag_ttft': spread(1500, 500, 600),
        }),
      },
      { slos: [slo('pipeline.ttft.p50', 100)] },
    )
    expect(built.slo[0]).toMatchObject({ ok: false, actual: expect.closeTo(550, 0) })
  })
})

describe('the resources of a step', () => {
  it('sums replicas, averages over the window, and leaves out what lies outside it', () => {
    const sample = { ...nothingSampled, tier: 'embed' }
    const resources: ResourceSample[] = [
      { ...sample, at: t0, replica: '1', cpuCores: 99, memoryBytes: 99, queue: 99 },
      { ...sample, at: t0 + 6000, replica: '1', cpuCores: 0.5, memoryBytes: 100, queue: 2 },
      { ...sample, at: t0 + 7000, replica: '1', cpuCores: 0.7, memoryBytes: 300, queue: null },
      { ...sample, at: t0 + 7000, replica: '2', cpuCores: 0.4, memoryBytes: 50, queue: 1 },
    ]
    expect(step({ resources }).tiers).toEqual({
      embed: {
        replicas: 2,
        cpuCores: 1,
        memoryBytes: 250,
        network: null,
        disk: null,
        gpuUtilization: null,
        gpuMemoryBytes: null,
        queue: 3,
        signals: {},
      },
    })
  })

  it('joins what replicas say of themselves as each signal is meant, and sums what they move and hold', () => {
    const network = (bytes: number) => ({ receivedBytesPerSecond: bytes, sentBytesPerSecond: 2 * bytes })
    const sample = { ...nothingSampled, tier: 'generate', at: t0 + 6000 }
    const resources: ResourceSample[] = [
      {
        ...sample,
        replica: '1',
        network: network(100),
        gpuUtilization: 0.5,
        gpuMemoryBytes: 60e9,
        signals: { running: 4, kvCacheUsed: 0.2, backlog: 7, fromANewerVersion: 1 },
      },
      { ...sample, replica: '1', at: t0 + 7000, signals: { running: 6 } },
      {
        ...sample,
        replica: '2',
        network: network(300),
        disk: { readBytesPerSecond: 5, writtenBytesPerSecond: 6 },
        gpuUtilization: 0.7,
        gpuMemoryBytes: 61e9,
        signals: { running: 3, kvCacheUsed: 0.4, backlog: 8 },
      },
    ]
    expect(step({ resources }).tiers['generate']).toMatchObject({
      network: network(400),
      disk: { readBytesPerSecond: 5, writtenBytesPerSecond: 6 },
      gpuUtilization: 0.6,
      gpuMemoryBytes: 121e9,
      signals: { running: 8, kvCacheUsed: expect.closeTo(0.3), backlog: 8, fromANewerVersion: 1 },
    })
  })

  it('reads samples and records of before they had network, disk, GPU memory and signals', () => {
    const older = { replicas: 2, cpuCores: 1, memoryBytes: 250, gpuUtilization: null, queue: 3 }
    expect(tierUse.parse(older)).toEqual({
      ...older,
      network: null,
      disk: null,
      gpuMemoryBytes: null,
      signals: {},
    })
    const line = '{"at":1,"tier":"embed","replica":"1","cpuCores":0.5,"queue":2}'
    expect(parseResourceLine(line)).toEqual({
      ...nothingSampled,
      at: 1,
      tier: 'embed',
      replica: '1',
      cpuCores: 0.5,
      queue: 2,
    })
  })
})

it('merging the histograms of two steps is not averaging their percentiles', () => {
  const fast = spread(900, 1, 2)
  const slow = spread(100, 100, 200)
  const merged = seriesMap({ 's1.embed.latency': mergeHistograms([fast, slow]) })
  expect(step({ series: merged }).metrics['latency']?.p90).toBe(2)
})
