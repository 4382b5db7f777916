import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { build, HistogramLogReader, HistogramLogWriter } from 'hdr-histogram-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bucketsOf, mergeHistograms, percentileNs } from '../../../src/recording/histogram.ts'
import { readHlog, seriesOf, writeHlog } from '../../../src/recording/hlog.ts'
import { timeline } from '../../../src/recording/series.ts'
import { percentiles } from '../../../src/stack/stack.ts'
import { shareOf } from '../../../src/recording/histogram.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-hlog-'))
})
afterAll(async () => await rm(folder, { recursive: true }))

type Interval = { tag: string; startMs: number; samplesNs: number[] }

/** A log as any HdrHistogram implementation writes it. */
function logText(intervals: Interval[], options: { relative?: boolean } = {}): string {
  let text = ''
  const writer = new HistogramLogWriter((content) => (text += content))
  writer.outputLogFormatVersion()
  writer.outputStartTime(intervals[0]?.startMs ?? 0)
  if (options.relative === true) {
    text += `#[BaseTime: ${((intervals[0]?.startMs ?? 0) / 1000).toFixed(3)} (seconds since epoch)]\n`
    writer.baseTime = intervals[0]?.startMs ?? 0
  }
  writer.outputLegend()
  for (const { tag, startMs, samplesNs } of intervals) {
    const histogram = build({
      bitBucketSize: 64,
      highestTrackableValue: 3600e9,
      numberOfSignificantValueDigits: 3,
    })
    for (const sample of samplesNs) histogram.recordValue(sample)
    histogram.tag = tag
    histogram.startTimeStampMsec = startMs
    histogram.endTimeStampMsec = startMs + 1000
    writer.outputIntervalHistogram(histogram, undefined, undefined, 1e6)
  }
  return text
}

async function read(text: string) {
  const path = join(folder, `${Math.random()}.hlog`)
  await writeFile(path, text)
  return await readHlog(path)
}

const t0 = Date.UTC(2026, 10, 21)
const samples = fc.array(fc.integer({ min: 1, max: 600_000_000_000 }), { minLength: 1, maxLength: 300 })

describe('reading latency.hlog', () => {
  it('gives percentiles within 0.1 % of the exact ones of the same samples', async () => {
    await fc.assert(
      fc.asyncProperty(samples, async (samplesNs) => {
        const series = await read(logText([{ tag: 's1.embed.latency', startMs: t0, samplesNs }]))
        const histogram = series.get('s1.embed.latency')!.histogram
        const sorted = samplesNs.toSorted((a, b) => a - b)
        for (const percentile of percentiles) {
          const exact =
            sorted[Math.ceil((Math.round(shareOf(percentile) * 1000) * sorted.length) / 1000) - 1]!
          expect(Math.abs(percentileNs(histogram, percentile)! - exact)).toBeLessThanOrEqual(exact * 0.001)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('is exact for values beyond 2^31 nanoseconds and counts beyond 2^31', async () => {
    const histogram = build({
      bitBucketSize: 64,
      highestTrackableValue: 3600e9,
      numberOfSignificantValueDigits: 3,
    })
    histogram.recordValueWithCount(5_000_000_000, 3_000_000_000)
    let text = ''
    new HistogramLogWriter((content) => (text += content)).outputIntervalHistogram(histogram, 1e9, 1e9 + 1)
    const series = (await read(text)).get('')!
    expect(series.histogram.count).toBe(3_000_000_000)
    expect(Math.abs(percentileNs(series.histogram, 'p50')! - 5e9)).toBeLessThan(5e6)
  })

  it('merges the intervals of a tag and keeps the tags apart', async () => {
    const series = await read(
      logText([
        { tag: 's1.embed.latency', startMs: t0, samplesNs: [1000, 2000] },
        { tag: 's1.embed.schedule_delay', startMs: t0, samplesNs: [10] },
        { tag: 's1.embed.latency', startMs: t0 + 1000, samplesNs: [2000] },
      ]),
    )
    expect([...series.keys()]).toEqual(['s1.embed.latency', 's1.embed.schedule_delay'])
    const latency = series.get('s1.embed.latency')!
    expect([...bucketsOf(latency.histogram)]).toEqual([
      [1000, 1],
      [2000, 2],
    ])
    expect(latency).toMatchObject({ step: 's1', stage: 'embed', metric: 'latency' })
    expect(timeline(latency)).toEqual([
      { atMs: t0, count: 2, p50: 0.001, p95: 0.002, p99: 0.002 },
      { atMs: t0 + 1000, count: 1, p50: 0.002, p95: 0.002, p99: 0.002 },
    ])
  })

  it('understands times relative to a base time', async () => {
    const series = await read(logText([{ tag: 'a.b.c', startMs: t0, samplesNs: [5] }], { relative: true }))
    expect(series.get('a.b.c')!.intervals[0]!.startMs).toBe(t0)
  })

  it('reads a log whose process was killed at any byte of its last line', async () => {
    const whole = logText([{ tag: 'a.b.c', startMs: t0, samplesNs: [5, 6] }])
    const both = logText([
      { tag: 'a.b.c', startMs: t0, samplesNs: [5, 6] },
      { tag: 'a.b.c', startMs: t0 + 1000, samplesNs: [7, 8, 9_000_000] },
    ])
    for (let bytes = whole.length; bytes < both.length - 1; bytes++) {
      const count = (await read(both.slice(0, bytes))).get('a.b.c')!.histogram.count
      expect(count, `cut at byte ${bytes}`).toBe(2)
    }
    expect((await read(both)).get('a.b.c')!.histogram.count).toBe(5)
  })

  it('refuses a log that is damaged before its last line, and names the line', async () => {
    const lines = logText([
      { tag: 'a.b.c', startMs: t0, samplesNs: [5] },
      { tag: 'a.b.c', startMs: t0, samplesNs: [6] },
    ]).split('\n')
    const at = lines.findIndex((line) => line.startsWith('Tag='))
    lines[at] = lines[at]!.slice(0, -12)
    await expect(read(lines.join('\n'))).rejects.toThrow(`is damaged at line ${at + 1}`)
  })

  it('says which file it could not read', async () => {
    await expect(readHlog(join(folder, 'absent.hlog'))).rejects.toThrow('absent.hlog')
  })
})

describe('writing latency.hlog', () => {
  it('gives back what was written, bucket for bucket, and other readers understand it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(samples, { minLength: 1, maxLength: 4 }), async (seconds) => {
        const original = await read(
          logText(
            seconds.map((samplesNs, index) => ({ tag: 'a.b.c', startMs: t0 + index * 1000, samplesNs })),
          ),
        )
        const path = join(folder, 'written.hlog')
        await writeHlog(path, original)
        expect(await readHlog(path)).toEqual(original)
        const other = new HistogramLogReader(await readFile(path, 'utf8'), 64)
        expect(other.nextIntervalHistogram()!.totalCount).toBe(seconds[0]!.length)
      }),
      { numRuns: 20 },
    )
  })

  it('merges two logs to what one log of both would hold', async () => {
    await fc.assert(
      fc.asyncProperty(samples, samples, async (a, b) => {
        const one = (await read(logText([{ tag: 'a.b.c', startMs: t0, samplesNs: a }]))).get('a.b.c')!
        const other = (await read(logText([{ tag: 'a.b.c', startMs: t0, samplesNs: b }]))).get('a.b.c')!
        const both = (await read(logText([{ tag: 'a.b.c', startMs: t0, samplesNs: [...a, ...b] }]))).get(
          'a.b.c',
        )!
        expect(mergeHistograms([one.histogram, other.histogram])).toEqual(both.histogram)
        expect(seriesOf('a.b.c', [...one.intervals, ...other.intervals]).histogram).toEqual(both.histogram)
      }),
      { numRuns: 40 },
    )
  })

  it('leaves a log that is there already when the disk refuses', async () => {
    const path = join(folder, 'absent-folder', 'a.hlog')
    await appendFile(join(folder, 'kept.hlog'), 'kept')
    await expect(writeHlog(path, new Map())).rejects.toThrow('could not write')
    expect(await readFile(join(folder, 'kept.hlog'), 'utf8')).toBe('kept')
  })
})
