import {
  meanOf,
  quantileOfSorted,
  quantilesOf,
  tableCv,
  tableMean,
  tableOf,
  type Table,
} from './distribution.ts'
import { firstTokensOf, requestsOf, type Bench } from './experiment.ts'
import { mismatchOf, type Fit, type Sweep } from './fit.ts'
import type { ContinuousModel } from './model.ts'
import type { MeasuredStep } from './types.ts'

/** ITL = α + β·batch, ms. */
export interface StepLaw {
  readonly alphaMs: number
  readonly betaMs: number
}

/** Weighted least squares of ITL on batch, with neither α nor β below zero. */
export function fitStepLaw(points: readonly { batch: number; itlMs: number; weight: number }[]): StepLaw {
  let weights = 0
  let batches = 0
  let itls = 0
  for (const { batch, itlMs, weight } of points) {
    weights += weight
    batches += weight * batch
    itls += weight * itlMs
  }
  const batch = batches / weights
  const itl = itls / weights
  let above = 0
  let below = 0
  for (const point of points) {
    above += point.weight * (point.batch - batch) * (point.itlMs - itl)
    below += point.weight * (point.batch - batch) ** 2
  }
  const betaMs = below === 0 ? 0 : Math.max(0, above / below)
  const alphaMs = itl - betaMs * batch
  return alphaMs < 0 ? { alphaMs: 0, betaMs: itl / batch } : { alphaMs, betaMs }
}

/** Prefill = γ + δ·tokens, from two points. */
export function fitPrefillLaw(
  a: { tokens: number; ms: number },
  b: { tokens: number; ms: number },
): { gammaMs: number; deltaMs: number } {
  const deltaMs = (b.ms - a.ms) / (b.tokens - a.tokens)
  return { gammaMs: a.ms - deltaMs * a.tokens, deltaMs }
}

const compared = [0.5, 0.75, 0.9, 0.95]

/** Requests of a step that a TTFT is simulated with. */
const mostRequests = 4000

/** Iteration-level batching, from ttft and tpot beside the latencies; null where a sweep has no tokens. */
export function fitContinuous(sweep: Sweep): Fit<ContinuousModel> | null {
  const { usable, throughput, bench } = sweep
  const { replicas } = bench.behind
  const streamed = usable.filter(hasTokens)
  const lowest = streamed[0]
  if (lowest === undefined) return null
  const start = tableOf(lowest.ttft)
  const decodeMs = (step: Streamed): number => meanOf(step.samples) - meanOf(step.ttft)
  const running = (step: Streamed): number => Math.max(1, (step.completed * decodeMs(step)) / 1000 / replicas)

  // Prefills of others stretch the gaps between tokens: take that share out before the law is fitted.
  let prefillMs = 0
  let law: StepLaw = { alphaMs: 0, betaMs: 0 }
  for (let round = 0; round < 5; round++) {
    law = fitStepLaw(
      streamed.map((step) => ({
        batch: running(step),
        itlMs: meanOf(step.tpot) * Math.max(0.05, 1 - (step.completed * prefillMs) / 1000 / replicas),
        weight: step.completed * step.seconds,
      })),
    )
    const step = law.alphaMs + law.betaMs * running(lowest)
    // A request joins at the end of the iteration under way, half of one on average while anything runs.
    prefillMs = Math.max(0, tableMean(start) - step - (busyShare(lowest, replicas) * step) / 2)
  }
  const prefill = prefillOf(start, prefillMs, law, running(lowest), busyShare(lowest, replicas))
  const tpotMs = meanOf(lowest.tpot)
  const outputTokens = tableOf(lowest.samples).map((value) =>
    Math.max(1, 1 + (value - meanOf(lowest.ttft)) / tpotMs),
  )
  const meanTokens = tableMean(outputTokens)

  const perReplica = throughput === null ? null : throughput.rate / replicas / 1000
  const maxSequences =
    perReplica === null ? Number.MAX_SAFE_INTEGER : roomFor(perReplica, meanTokens, prefillMs, law)
  const model = withPrefill(
    { kind: 'continuous', ...law, prefillOnceMs: 0, prefill, outputTokens, maxSequences, overheadMs: 0 },
    bench,
    streamed,
  )
  const error = Math.max(
    0.005,
    tableCv(outputTokens) / Math.sqrt(streamed.reduce((n, step) => n + step.completed * step.seconds, 0)),
  )
  const knee = throughput?.rate ?? (1000 * replicas) / (meanTokens * law.betaMs + prefillMs)
  const { sum, terms } = mismatchOf(model, bench, usable, knee, error)
  return { model, knee, kneeMeasured: throughput !== null, error, mismatch: sum / terms }
}

/**
 * The model with its prefill told apart into what an iteration pays once and what each prompt pays: prompts that
 * come together share the first, which shows in the slow end of TTFT at higher rates.
 */
function withPrefill(model: ContinuousModel, bench: Bench, steps: readonly Streamed[]): ContinuousModel {
  const meanMs = tableMean(model.prefill)
  let best = { model, apart: Number.POSITIVE_INFINITY }
  for (const share of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
    const onceMs = share * meanMs
    const tried = {
      ...model,
      prefillOnceMs: onceMs,
      prefill: model.prefill.map((value) => Math.max(0, value - onceMs)),
    }
    let apart = 0
    for (const step of steps) {
      const requests = requestsOf(step)
      const simulated = firstTokensOf(tried, bench, step, mostRequests / requests)
      const measured = quantilesOf(step.ttft, compared)
      compared.forEach((probability, i) => {
        if ((1 - probability) * requests < 5) return
        apart += requests * Math.log(measured[i]! / quantileOfSorted(simulated, probability)) ** 2
      })
    }
    if (apart < best.apart) best = { model: tried, apart }
  }
  return best.model
}

/** How often a request finds others running. */
function busyShare(step: MeasuredStep, replicas: number): number {
  return Math.min(1, (step.completed * meanOf(step.samples)) / 1000 / replicas)
}

/**
 * What prompts take: the spread of TTFT around this mean, without the part of it that is waiting for the iteration
 * under way, which is anything up to a whole one.
 */
function prefillOf(
  ttft: Table,
  meanMs: number,
  { alphaMs, betaMs }: StepLaw,
  batch: number,
  busy: number,
): Table {
  const step = alphaMs + betaMs * batch
  const waiting = (busy * step ** 2) / 3 - ((busy * step) / 2) ** 2
  const middle = tableMean(ttft)
  const spread = (tableCv(ttft) * middle) ** 2
  const own = spread === 0 ? 0 : Math.sqrt(Math.max(0, 1 - waiting / spread))
  return ttft.map((value) => Math.max(0, meanMs + own * (value - middle)))
}

/** Sequences at once that make this throughput: X = 1 ÷ (tokens·(α + β·B)/B + prefill). */
function roomFor(perMs: number, tokens: number, prefillMs: number, { alphaMs, betaMs }: StepLaw): number {
  const left = 1 / perMs - prefillMs - tokens * betaMs
  return left <= 0 ? Number.MAX_SAFE_INTEGER : Math.max(1, Math.round((tokens * alphaMs) / left))
}

type Streamed = MeasuredStep & Required<Pick<MeasuredStep, 'ttft' | 'tpot'>>

function hasTokens(step: MeasuredStep): step is Streamed {
  return step.ttft !== undefined && step.ttft.length > 0 && step.tpot !== undefined && step.tpot.length > 0
}
