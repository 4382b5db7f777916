/**
 * `latency.hlog`: a standard HdrHistogram log (V2, compressed, base64), one interval a second and tag.
 *
 * hdr-histogram-js decodes each interval, in its pure JavaScript form with 64-bit counts: a double holds
 * every nanosecond up to 104 days and every count exactly, decoding one interval needs no memory that must
 * be freed by hand, as the WebAssembly form does, and a log is read once.
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type JsHistogram,
} from 'hdr-histogram-js'
import { ExitCode, messageOf, UserError } from '../errors.ts'
import { bucketsOf, emptyHistogram, histogramOf, mergeHistograms, type Histogram } from './histogram.ts'
import type { Series, SeriesByTag, SeriesInterval } from './series.ts'
import { writeWhole } from '../whole-file.ts'

/**
 * Every tag's intervals and their merged histogram. The last line may be half-written, as a killed process
 * leaves it: it is left out. Damage anywhere else is an error.
 * @throws {UserError} when the file cannot be read or is damaged
 */
export async function readHlog(path: string): Promise<SeriesByTag> {
  const intervals = new Map<string, SeriesInterval[]>()
  const clock = new LogClock()
  let damaged: { line: number; error: unknown } | null = null
  let lineNumber = 0
  try {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      lineNumber++
      if (damaged !== null) throw damage(path, damaged.line, damaged.error)
      if (line === '' || line.startsWith('"')) continue
      if (line.startsWith('#')) {
        clock.readComment(line)
        continue
      }
      try {
        const { tag, interval } = intervalOf(line, clock)
        const known = intervals.get(tag)
        if (known === undefined) intervals.set(tag, [interval])
        else known.push(interval)
      } catch (error) {
        damaged = { line: lineNumber, error }
      }
    }
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`could not read ${path}: ${messageOf(error)}`, { cause: error })
  }
  return new Map([...intervals].map(([tag, list]) => [tag, seriesOf(tag, list)]))
}

function damage(path: string, line: number, cause: unknown): UserError {
  return new UserError(`${path} is damaged at line ${line}: ${messageOf(cause)}`, {
    hint: 'Measure again; a run whose latencies are damaged cannot be reported.',
    exitCode: ExitCode.invalid,
    code: 'hlog-damaged',
    cause,
  })
}

/** A series from a tag `<step>.<stage>.<metric>` and its intervals in any order. */
export function seriesOf(tag: string, intervals: readonly SeriesInterval[]): Series {
  const [step = '', stage = '', ...metric] = tag.split('.')
  return {
    tag,
    step,
    stage,
    metric: metric.join('.'),
    histogram: mergeHistograms(intervals.map((interval) => interval.histogram)),
    intervals: intervals.toSorted((a, b) => a.startMs - b.startMs),
  }
}

function intervalOf(line: string, clock: LogClock): { tag: string; interval: SeriesInterval } {
  const fields = line.split(',')
  const tag = fields[0]?.startsWith('Tag=') === true ? (fields.shift() ?? '').slice('Tag='.length) : ''
  const [start, length, , encoded] = fields
  const startSeconds = Number(start)
  const lengthSeconds = Number(length)
  if (encoded === undefined || encoded === '') throw new Error('an interval has four fields')
  if (!Number.isFinite(startSeconds) || !Number.isFinite(lengthSeconds))
    throw new Error('its times are not numbers')
  const startMs = clock.absoluteMs(startSeconds)
  return { tag, interval: { startMs, endMs: startMs + lengthSeconds * 1000, histogram: decode(encoded) } }
}

function decode(encoded: string): Histogram {
  const decoded = decodeFromCompressedBase64(encoded, 64, false) as JsHistogram
  if (decoded.totalCount === 0) return emptyHistogram
  const last = decoded.countsArrayIndex(decoded.maxValue)
  const buckets: [number, number][] = []
  for (let index = 0; index <= last; index++) {
    const count = decoded.getCountAtIndex(index)
    if (count > 0) buckets.push([decoded.medianEquivalentValue(decoded.valueFromIndex(index)), count])
  }
  return histogramOf(buckets)
}

/** Makes a log's times absolute: `#[BaseTime: …]` is added; without one, times a year before `#[StartTime: …]` are relative to it. */
class LogClock {
  private startSeconds = 0
  private baseSeconds: number | null = null

  readComment(line: string): void {
    const found = /^#\[(StartTime|BaseTime): ([\d.]+)/.exec(line)
    if (found === null) return
    if (found[1] === 'BaseTime') this.baseSeconds = Number(found[2])
    else this.startSeconds = Number(found[2])
  }

  absoluteMs(seconds: number): number {
    const yearSeconds = 365 * 24 * 3600
    this.baseSeconds ??= seconds < this.startSeconds - yearSeconds ? this.startSeconds : 0
    return (this.baseSeconds + seconds) * 1000
  }
}

/**
 * Writes series as one log, intervals in the order of time.
 * @throws {UserError} when the disk refuses; a file already there is then left as it was
 */
export async function writeHlog(path: string, series: SeriesByTag): Promise<void> {
  const intervals = [...series.values()]
    .flatMap(({ tag, intervals }) => intervals.map((interval) => ({ tag, interval })))
    .toSorted((a, b) => a.interval.startMs - b.interval.startMs)
  const startMs = intervals[0]?.interval.startMs ?? 0
  const header = [
    '#[Histogram log format version 1.3]',
    `#[StartTime: ${(startMs / 1000).toFixed(3)} (seconds since epoch), ${new Date(startMs).toISOString()}]`,
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
  ]
  const lines = intervals.map(({ tag, interval }) => lineOf(tag, interval))
  try {
    await writeWhole(path, `${[...header, ...lines].join('\n')}\n`)
  } catch (error) {
    throw new UserError(`could not write ${path}: ${messageOf(error)}`, { cause: error })
  }
}

function lineOf(tag: string, { startMs, endMs, histogram }: SeriesInterval): string {
  const encoder = build({
    bitBucketSize: 64,
    numberOfSignificantValueDigits: 3,
    highestTrackableValue: 3_600e9,
  })
  for (const [valueNs, count] of bucketsOf(histogram)) encoder.recordValueWithCount(valueNs, count)
  const max = (histogram.valuesNs.at(-1) ?? 0) / 1e6
  const times = `${(startMs / 1000).toFixed(3)},${((endMs - startMs) / 1000).toFixed(3)},${max.toFixed(3)}`
  return `${tag === '' ? '' : `Tag=${tag},`}${times},${encodeIntoCompressedBase64(encoder)}`
}
