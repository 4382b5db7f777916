/** Measurements of two releases, drawn: for Monte Carlo tests of what is decided from them. */
import { histogramOf } from '../../../../src/recording/histogram.ts'
import { seriesOf } from '../../../../src/recording/hlog.ts'
import type { ReleaseSample } from '../../../../src/loop/rollout/judge.ts'
import { type Random, seededRandom } from '../../../../src/services/emulators/cores/random.ts'

export function randomOf(seed: number): Random {
  return seededRandom(seed, 'rollout tests')
}

/** Requests of stage `embed` that one release was sent, as they grow. */
export interface Drawn {
  readonly latenciesMs: number[]
  failed: number
}

export interface Law {
  /** Of the latency, which is exponential above `leastMs`. */
  readonly meanMs: number
  readonly leastMs?: number
  readonly errors?: number
}

/** Draws `count` requests more. */
export function draw(
  into: Drawn,
  count: number,
  { meanMs, leastMs = 0, errors = 0 }: Law,
  random: Random,
): void {
  for (let request = 0; request < count; request++) {
    if (random.uniform() < errors) into.failed++
    else into.latenciesMs.push(leastMs + meanMs * random.exponential())
  }
}

/** As it would have been recorded; in one interval of time, as independent requests have no more to say. */
export function sampleOf({ latenciesMs, failed }: Drawn): ReleaseSample {
  return { ...timedSampleOf([latenciesMs]), scheduled: latenciesMs.length + failed, failed }
}

/** Latencies by the second in which they ended. */
export function timedSampleOf(seconds: readonly (readonly number[])[]): ReleaseSample {
  const tag = 's1.embed.latency'
  const intervals = seconds.map((latenciesMs, second) => ({
    startMs: second * 1000,
    endMs: (second + 1) * 1000,
    histogram: histogramOf(latenciesMs.map((ms) => [bucketNs(ms), 1] as const)),
  }))
  const scheduled = seconds.reduce((sum, { length }) => sum + length, 0)
  return { scheduled, failed: 0, series: new Map([[tag, seriesOf(tag, intervals)]]) }
}

/** Three significant digits, as HdrHistogram keeps. */
function bucketNs(ms: number): number {
  const ns = ms * 1e6
  const unit = 2 ** Math.max(0, Math.floor(Math.log2(ns)) - 10)
  return Math.round(ns / unit) * unit
}
