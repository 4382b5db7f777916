import { arrivalsOf } from './arrivals.ts'
import { quantileOfSorted } from './distribution.ts'
import type { ContinuousModel, TierModel } from './model.ts'
import { randomOf } from './random.ts'
import { serve, type Behind, type Served } from './serve.ts'
import type { ArrivalLaw, MeasuredStep } from './types.ts'

/** What a stage was measured on. */
export interface Bench {
  readonly arrivals: ArrivalLaw
  readonly behind: Behind
  readonly seed: number
}

/** Requests scheduled in a step's window. */
export function requestsOf(step: MeasuredStep): number {
  return Math.max(1, Math.round(step.offered * step.seconds))
}

/**
 * A measured step again, on a model: the same rate from an empty tier, the same warm-up, `factor` times the
 * requests of the window in one go. Latencies of the window, ascending.
 */
export function latenciesOf(
  model: TierModel,
  bench: Bench,
  step: MeasuredStep,
  repeat: number,
  factor = 1,
): Float64Array {
  return replayed(model, bench, step, repeat, factor, ({ leaving }) => leaving)
}

/** The same, to the first token of each answer. */
export function firstTokensOf(
  model: ContinuousModel,
  bench: Bench,
  step: MeasuredStep,
  factor: number,
): Float64Array {
  return replayed(model, bench, step, 0, factor, ({ firstToken }) => firstToken!)
}

function replayed(
  model: TierModel,
  bench: Bench,
  step: MeasuredStep,
  repeat: number,
  factor: number,
  until: (served: Served) => Float64Array,
): Float64Array {
  const warmup = Math.round(step.offered * (step.warmupSeconds ?? 0))
  const count = warmup + Math.round(requestsOf(step) * factor)
  const random = randomOf(bench.seed + Math.round(step.offered * 1000), 101 + repeat)
  const arrivals = arrivalsOf(bench.arrivals, step.offered, count, random)
  // The rate is what was counted over the step, not what was asked for: the last arrival ends it.
  const stretch = (count * 1000) / step.offered / arrivals[count - 1]!
  for (let i = 0; i < count; i++) arrivals[i]! *= stretch
  const parts = model.kind === 'fifo' ? model.shards : 1
  const draws = new Float64Array(count * parts)
  for (let i = 0; i < draws.length; i++) draws[i] = random.next()
  const ends = until(serve(model, bench.behind, arrivals, draws, random))
  const latencies = new Float64Array(count - warmup)
  let kept = 0
  for (let i = warmup; i < count; i++) if (ends[i]! >= 0) latencies[kept++] = ends[i]! - arrivals[i]!
  return latencies.subarray(0, kept).sort()
}

/**
 * Log-quantiles of a step on a model, and the variance that one measurement of it has: over `repeats`, and never
 * below that of independent samples.
 */
export function logQuantiles(
  model: TierModel,
  bench: Bench,
  step: MeasuredStep,
  probabilities: readonly number[],
  repeats: number,
  factor = 1,
): { readonly mean: Float64Array; readonly variance: Float64Array } {
  const mean = new Float64Array(probabilities.length)
  const square = new Float64Array(probabilities.length)
  const independent = new Float64Array(probabilities.length)
  for (let repeat = 0; repeat < repeats; repeat++) {
    const latencies = latenciesOf(model, bench, step, repeat, factor)
    const logAt = (p: number): number => Math.log(Math.max(1e-6, quantileOfSorted(latencies, p)))
    for (let i = 0; i < probabilities.length; i++) {
      const p = probabilities[i]!
      const value = logAt(p)
      mean[i]! += value / repeats
      square[i]! += (value * value) / repeats
      const side = Math.sqrt((p * (1 - p)) / latencies.length)
      independent[i]! += ((logAt(Math.min(1, p + side)) - logAt(p - side)) / 2) ** 2 / repeats
    }
  }
  const variance = square.map((value, i) => {
    const seen = (Math.max(0, value - mean[i]! ** 2) * repeats) / Math.max(1, repeats - 1)
    return factor * Math.max(seen, independent[i]!)
  })
  return { mean, variance }
}
