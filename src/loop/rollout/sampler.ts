/**
 * Loads both releases at once, each asked for by name through the tier's own balancer: the same path, the same seconds,
 * questions drawn from the same list. What shakes one shakes the other.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pid } from 'node:process'
import { type Release, releaseHeader, releases } from '../../catalog/releases.ts'
import { usableCores } from '../../load/generator.ts'
import { findK6, type K6 } from '../../load/k6/find.ts'
import type { LoadPlan, LoadStage, LoadTarget } from '../../load/plan.ts'
import { type PreparedQueries, prepareQueries } from '../../load/queries.ts'
import { runK6 } from '../../load/run.ts'
import { completePlan, planScenario } from '../../load/scenario.ts'
import { acquireLock, type Lock } from '../../lock.ts'
import { readLoadRecord, readSeries } from '../../recording/files.ts'
import { percentileNs } from '../../recording/histogram.ts'
import type { IntervalLine, StepLine } from '../../recording/load-lines.ts'
import { mergeSeries } from '../../recording/merge.ts'
import { findSeries, type SeriesByTag } from '../../recording/series.ts'
import { overloadedGenerator, validityLimits } from '../../recording/validity.ts'
import { duration } from '../../report/format.ts'
import type { Runtime } from '../../runtime.ts'
import type { Stack } from '../../stack/stack.ts'
import type { ReleaseSample } from './judge.ts'

/** The variable in which k6 is told the release that it loads: header values come from the environment. */
export const releaseVariable = 'RAGSCALE_RELEASE'

export interface SamplerOptions {
  readonly stack: Stack
  readonly stage: LoadStage
  /** Of the tier's balancer; its release is not yet named. */
  readonly target: LoadTarget
  readonly signal: AbortSignal
  readonly onNotice: (text: string) => void
}

export interface ChunkOptions {
  readonly warmupMs: number
  readonly windowMs: number
  /** A second, of each release. */
  readonly rates: Readonly<Record<Release, number>>
}

/** What was seen during one chunk of time. */
export interface Chunk {
  readonly current: ReleaseSample
  readonly next: ReleaseSample
  /** Why it may not be believed, in words: the generator's fault. Empty: it may. */
  readonly doubts: readonly string[]
}

export interface Sampler {
  /** @throws UserError: exit 130 when interrupted, 1 when k6 fails */
  sample(options: ChunkOptions): Promise<Chunk>
  close(): Promise<void>
}

/** Finds k6 and makes the questions. @throws UserError: exit 3 without k6; 1 while another load test runs */
export async function openSampler(options: SamplerOptions, runtime: Runtime): Promise<Sampler> {
  const { stack, stage, signal } = options
  const k6 = await findK6(runtime, { signal })
  const lock = await acquireLock(join(stack.folder, '.ragscale', 'loadtest.lock'), {
    pid,
    what: 'ragscale rollout',
    since: new Date(runtime.now()).toISOString(),
  })
  const scratch = join(stack.folder, '.ragscale', 'rollout')
  try {
    await rm(scratch, { recursive: true, force: true })
    await mkdir(scratch, { recursive: true, mode: 0o700 })
    const { env } = runtime
    const queries = await prepareQueries({
      stage,
      stack,
      folder: scratch,
      embed: null,
      vector: null,
      env,
      signal,
    })
    for (const notice of queries.notices) options.onNotice(notice)
    return new K6Sampler(options, runtime, { k6, queries, scratch, lock })
  } catch (error) {
    await rm(scratch, { recursive: true, force: true })
    await lock.release()
    throw error
  }
}

interface Prepared {
  readonly k6: K6
  readonly queries: PreparedQueries
  readonly scratch: string
  readonly lock: Lock
}

class K6Sampler implements Sampler {
  readonly #options: SamplerOptions
  readonly #runtime: Runtime
  readonly #prepared: Prepared
  #chunks = 0

  constructor(options: SamplerOptions, runtime: Runtime, prepared: Prepared) {
    this.#options = options
    this.#runtime = runtime
    this.#prepared = prepared
  }

  async sample(options: ChunkOptions): Promise<Chunk> {
    this.#chunks++
    const [current, next] = await Promise.all([this.#load('current', options), this.#load('next', options)])
    this.#options.signal.throwIfAborted()
    const doubts = [current, next].flatMap((one) => one.doubts)
    return { current: current.sample, next: next.sample, doubts: [...new Set(doubts)] }
  }

  async close(): Promise<void> {
    await rm(this.#prepared.scratch, { recursive: true, force: true })
    await this.#prepared.lock.release()
  }

  async #load(release: Release, options: ChunkOptions): Promise<{ sample: ReleaseSample; doubts: string[] }> {
    const { k6, scratch } = this.#prepared
    const folder = join(scratch, release)
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    const { reason } = await runK6({
      k6,
      plan: this.#planOf(release, options),
      folder,
      scratch: folder,
      runtime: {
        env: { ...this.#runtime.env, [releaseVariable]: release },
        onInterrupt: (listener) => this.#runtime.onInterrupt(listener),
      },
      signal: this.#options.signal,
    })
    const { steps, intervals } = await readLoadRecord(folder)
    const series = await readSeries(folder)
    const [line] = steps
    // It gave up before the window began, and what failed in the warm-up says why.
    if (line === undefined || line.scheduled === 0) {
      return { sample: { ...countedIn(intervals), series }, doubts: [] }
    }
    const cores = await usableCores()
    const doubts =
      reason === 'interrupted'
        ? []
        : [
            ...lateGenerator(line, series),
            ...overloadedGenerator(null, line.cpuSeconds / (line.windowMs / 1000), cores),
          ]
    return { sample: { scheduled: line.scheduled, failed: line.failed, series }, doubts }
  }

  #planOf(release: Release, { warmupMs, windowMs, rates }: ChunkOptions): LoadPlan {
    const { stack, stage, target } = this.#options
    const rate = rates[release]
    const plan = planScenario({ stage, scenario: 'steady', rate, durationMs: windowMs, warmupMs }, stack)
    return completePlan(
      {
        ...plan,
        seed: drawOf(plan.seed, this.#chunks, release),
        stopWhen: { failedShare: 0.5, minRequests: 30, saturatedSteps: null },
      },
      { ...target, headersEnv: { ...target.headersEnv, [releaseHeader]: releaseVariable } },
      this.#prepared.queries,
      stack.workload.zipf,
    )
  }
}

/**
 * The seed of one release's questions and arrivals in one chunk: a draw of its own. Were both asked the same ones, a
 * cache that they share (a gateway's, in Redis) would be filled by the one that asks first, the one with the higher
 * rate, and answer the other. @param chunk from 1
 */
export function drawOf(seed: number, chunk: number, release: Release): number {
  return seed + releases.length * chunk + releases.indexOf(release)
}

/**
 * A generator that sends late adds that to what both releases are seen to take, and so hides a difference; what it hides
 * is taken off the tolerance (judge.ts). Beyond a quarter at the highest percentile that is compared, little is left.
 */
function lateGenerator(line: StepLine, series: SeriesByTag): string[] {
  if (line.saturated) return []
  const of = (metric: string, percentile: 'p50' | 'p95'): number => {
    const found = findSeries(series, line.step, line.stage, metric)?.histogram
    return found === undefined ? 0 : (percentileNs(found, percentile) ?? 0) / 1e6
  }
  const delayMs = of('schedule_delay', 'p95')
  const latencyMs = of('latency', 'p95')
  const medianMs = of('schedule_delay', 'p50')
  return [
    ...(medianMs > validityLimits.medianScheduleDelayMs
      ? [`the generator sent requests late: by ${duration(medianMs)} at the median, more than 10 ms`]
      : []),
    ...(latencyMs > 0 && delayMs > mostDelayShare * latencyMs
      ? [
          `the generator sent requests late: by ${duration(delayMs)} at the P95, more than a quarter of the latency's P95 of ${duration(latencyMs)}`,
        ]
      : []),
  ]
}

const mostDelayShare = 0.25

function countedIn(intervals: readonly IntervalLine[]): Pick<ReleaseSample, 'scheduled' | 'failed'> {
  const sum = (of: (line: IntervalLine) => number): number =>
    intervals.reduce((total, line) => total + of(line), 0)
  return { scheduled: sum(({ scheduled }) => scheduled), failed: sum(({ failed }) => failed) }
}

export const nothingSampled: ReleaseSample = { scheduled: 0, failed: 0, series: new Map() }

/** Chunks of one release, one after another. */
export function added(before: ReleaseSample, more: ReleaseSample): ReleaseSample {
  return {
    scheduled: before.scheduled + more.scheduled,
    failed: before.failed + more.failed,
    series: mergeSeries([before.series, more.series]),
  }
}
