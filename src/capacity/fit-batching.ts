import { withoutWaiting } from './deconvolve.ts'
import { tableCv, tableMean, tableOf, tableSize, type Table } from './distribution.ts'
import { mismatchOf, type Fit, type Sweep } from './fit.ts'
import type { BatchingModel } from './model.ts'
import type { MeasuredStep } from './types.ts'

/** Whether requests differ by their own work, or batches by chance. */
type Spread = 'own' | 'batch'

const shares = [0.15, 0.35, 0.55, 0.75, 0.95]

/**
 * The step model of a batching server, batch time = α + Σ own time: how much of a lone request's time is α, and how
 * much one batch holds, so that the measured latencies and throughput come back.
 */
export function fitBatching(sweep: Sweep): Fit<BatchingModel> | null {
  let best: { fit: Fit<BatchingModel>; share: number; spread: Spread } | null = null
  const attempt = (share: number, spread: Spread, rounds: number): void => {
    const fit = fitShare(share, spread, sweep, rounds)
    if (fit !== null && (best === null || fit.mismatch < best.fit.mismatch)) best = { fit, share, spread }
  }
  for (const spread of ['own', 'batch'] as const) for (const share of shares) attempt(share, spread, 2)
  for (let step = 0.1; step > 0.02; step /= 2) {
    const around: { share: number; spread: Spread } | null = best
    if (around === null) return null
    const { share, spread } = around
    attempt(Math.max(0.02, share - step), spread, 4)
    attempt(Math.min(1, share + step), spread, 4)
  }
  return (best as { fit: Fit<BatchingModel> } | null)?.fit ?? null
}

function fitShare(share: number, spread: Spread, sweep: Sweep, rounds: number): Fit<BatchingModel> | null {
  const { usable, throughput, bench } = sweep
  const { replicas } = bench.behind
  const perReplica = throughput === null ? null : throughput.rate / replicas / 1000
  const build = (law: Table): BatchingModel => {
    const mean = tableMean(law)
    // Throughput × lone time: how many batches of one a full batch is worth. α = mean·(1 − share/worth) spans
    // every batch size, from `worth` (share 0) to no limit at all (share 1).
    const worth = perReplica === null ? 1 : Math.max(1, perReplica * mean)
    const ownMs = (mean * share) / worth
    const alphaMs = mean - ownMs
    return {
      kind: 'batching',
      alphaMs,
      own: spread === 'own' ? spreadAround(law, alphaMs, ownMs) : law.map(() => ownMs),
      noise: spread === 'own' ? law.map(() => 1) : law.map((value) => value / mean),
      maxBatch: perReplica === null ? Number.MAX_SAFE_INTEGER : batchOf(perReplica, alphaMs, ownMs),
      overheadMs: 0,
    }
  }
  const start = whenIdle(usable[0]!, replicas)
  const observed = { steps: usable, bench, rate: throughput?.rate ?? null }
  const { law, requests } = withoutWaiting(start, 0, build, observed, rounds)
  const model = build(law)
  const ownMs = tableMean(model.own)
  const knee = throughput?.rate ?? (1000 * replicas) / ownMs
  if (throughput === null && knee < 1.02 * sweep.steps.at(-1)!.offered) return null
  // Chance that befalls whole batches averages out over batches, not over requests.
  const batches =
    throughput === null ? requests : throughput.requests / Math.min(model.maxBatch, throughput.requests)
  const error = Math.max(
    0.003,
    Math.hypot(tableCv(model.own) / Math.sqrt(requests), tableCv(model.noise) / Math.sqrt(batches)),
  )
  const { sum, terms } = mismatchOf(model, bench, usable, knee, error)
  return { model, knee, kneeMeasured: throughput !== null, error, mismatch: sum / terms }
}

/** What is left of each lone time without α, kept above nothing, with this mean. */
function spreadAround(law: Table, alphaMs: number, ownMs: number): Table {
  const own = law.map((value) => Math.max(0.05 * ownMs, value - alphaMs))
  const mean = tableMean(own)
  return own.map((value) => (value * ownMs) / mean)
}

/** Requests in a full batch, B ÷ (α + B·own) being its throughput; without bound where own time alone makes the throughput, never less than one. */
function batchOf(perMs: number, alphaMs: number, ownMs: number): number {
  const left = 1 - perMs * ownMs
  return left <= 1e-3 ? Number.MAX_SAFE_INTEGER : Math.max(1, (perMs * alphaMs) / left)
}

/** The quicker part of the lowest rate's latencies, as large as the share that found nothing under way. */
function whenIdle(lowest: MeasuredStep, replicas: number): Table {
  const all = tableOf(lowest.samples)
  const idle = Math.max(0.3, 1 - (lowest.offered * all[tableSize / 2]!) / 1000 / replicas)
  return all.map((_, i) => all[Math.floor(i * idle)]!)
}
