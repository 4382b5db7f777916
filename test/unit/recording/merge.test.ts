import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketsOf } from '../../../src/recording/histogram.ts'
import { mergeIntervals, mergeRecorded, mergeSeries, type Part } from '../../../src/recording/merge.ts'
import { buildSteps } from '../../../src/recording/steps.ts'
import { interval, line, ofMs, recorded, seriesMap, spread } from './fixtures.ts'

const part = (name: string, over: Partial<Part> = {}): Part => ({
  name,
  recorded: recorded(),
  cpuCoresAvailable: 2,
  ...over,
})
const samples = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 50 })

describe('two generators merged', () => {
  it('equal one generator that had sent all of it, bucket for bucket', () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        const [one, other, both] = [a, b, [...a, ...b]].map((list) =>
          seriesMap({ 's1.embed.latency': ofMs(...list) }),
        )
        const merged = mergeSeries([one!, other!]).get('s1.embed.latency')!
        expect([...bucketsOf(merged.histogram)]).toEqual([
          ...bucketsOf(both!.get('s1.embed.latency')!.histogram),
        ])
      }),
    )
  })

  it('add their rates and counts, and keep the window', () => {
    const other = recorded({
      steps: [
        line({
          failed: 30,
          errors: { http_429: 20, timeout: 10 },
          cache: { embedding: { hit: 1, miss: 2 } },
        }),
      ],
      series: seriesMap({ 's1.embed.latency': spread(1470, 20, 40) }),
    })
    const merged = mergeRecorded([part('a'), part('b', { recorded: other })], [])
    const [step] = buildSteps(merged, { target: 'kubernetes', slos: [], cpuCoresAvailable: 4 })
    expect(step).toMatchObject({
      offered: 100,
      fromRate: 100,
      seconds: 30,
      scheduled: 3000,
      succeeded: 2970,
      errors: { http_429: 20, timeout: 10 },
      cache: { embedding: { hit: 1, miss: 2 } },
      valid: true,
    })
    expect(step?.metrics['latency']).toMatchObject({ count: 2970, p50: expect.closeTo(19.8, 0) })
  })

  it('are doubtful when one was overloaded, however idle the other', () => {
    const busy = recorded({ steps: [line({ cpuSeconds: 57 })] })
    const merged = mergeRecorded([part('a'), part('b', { recorded: busy })], [])
    const [step] = buildSteps(merged, { target: 'kubernetes', slos: [], cpuCoresAvailable: 4 })
    expect(step).toMatchObject({
      valid: false,
      invalidBecause: ['the generator b used 1.9 of its 2 CPU cores, more than 80 %'],
    })
  })

  it('keep steps and stages apart that are not the same', () => {
    const other = recorded({ steps: [line({ stage: 'retrieve' }), line({ step: 's2' })] })
    expect(mergeRecorded([part('a'), part('b', { recorded: other })], []).steps).toHaveLength(3)
  })

  it('add the counts of the same second and leave out quantiles, which cannot be added', () => {
    const [merged, ...more] = mergeIntervals([
      [interval()],
      [interval({ scheduled: 7, errors: { timeout: 2 }, failed: 2 })],
    ])
    expect(more).toEqual([])
    expect(merged).toMatchObject({
      scheduled: 57,
      failed: 2,
      errors: { timeout: 2 },
      rate: 100,
      latency: null,
    })
  })
})
