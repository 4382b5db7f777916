import { quantileOfSorted, quantilesOf, tableSize, type Table } from './distribution.ts'
import { latenciesOf, requestsOf, type Bench } from './experiment.ts'
import type { TierModel } from './model.ts'
import type { MeasuredStep } from './types.ts'

/** Where in the law measured and simulated latencies are compared. */
const places = [
  0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.84,
  0.88, 0.91, 0.935, 0.955, 0.97, 0.98, 0.987, 0.992, 0.996,
]

/** Requests simulated for each step and round, at least. */
const simulatedRequests = 4000

export interface Observed {
  /** Not past the knee, ascending in rate. */
  readonly steps: readonly MeasuredStep[]
  readonly bench: Bench
  /** What everything measured together works off, where known. */
  readonly rate: number | null
}

/** How much of what a step says is about service, not about waiting. */
export function freeShare(offered: number, rate: number | null): number {
  return rate === null ? 1 : Math.max(0, 1 - offered / rate) ** 2
}

/**
 * The law of a lone request's time without the waiting that the measured latencies have in them: simulate the
 * measured steps, compare quantile by quantile, correct the law by the ratio, again. `build` makes a model of a law,
 * of which `parallel` draws run at once and the slowest counts.
 */
export function withoutWaiting(
  start: Table,
  overheadMs: number,
  build: (law: Table) => TierModel,
  { steps, bench, rate }: Observed,
  rounds = 4,
  parallel = 1,
): { readonly law: Table; readonly requests: number } {
  const quiet = steps.filter((step, i) => i === 0 || rate === null || step.offered < 0.65 * rate)
  let law = start
  for (let round = 0; round < rounds; round++) {
    const model = build(law)
    const correction = new Float64Array(places.length)
    const weights = new Float64Array(places.length)
    for (const step of quiet) {
      const requests = requestsOf(step)
      const simulated = latenciesOf(model, bench, step, 50 + round, simulatedRequests / requests)
      const measured = quantilesOf(step.samples, places)
      const weight = requests * freeShare(step.offered, rate)
      for (let i = 0; i < places.length; i++) {
        // A quantile with a handful of samples beyond it says nothing.
        if ((1 - places[i]!) * requests < 5) continue
        const ratio = (measured[i]! - overheadMs) / (quantileOfSorted(simulated, places[i]!) - overheadMs)
        if (!(ratio > 0)) continue
        correction[i]! += weight * Math.log(ratio)
        weights[i]! += weight
      }
    }
    law = corrected(law, correction, weights, parallel)
  }
  const requests = quiet.reduce((sum, step) => sum + requestsOf(step) * freeShare(step.offered, rate), 0)
  return { law, requests }
}

/** The table with each part multiplied by the correction at its place, linear between places. */
function corrected(table: Table, correction: Float64Array, weights: Float64Array, parallel: number): Table {
  const at: number[] = []
  const logs: number[] = []
  for (let i = 0; i < places.length; i++) {
    if (weights[i]! <= 0) continue
    // The slowest of several is at p when each of them is at p^(1/several).
    at.push(places[i]! ** (1 / parallel))
    logs.push(correction[i]! / weights[i]!)
  }
  if (at.length === 0) return table
  const out = new Float64Array(tableSize)
  let k = 0
  for (let i = 0; i < tableSize; i++) {
    const place = (i + 0.5) / tableSize
    while (k < at.length - 2 && place > at[k + 1]!) k++
    const from = at[k]!
    const to = at[k + 1] ?? from
    const t = to === from ? 0 : Math.min(1, Math.max(0, (place - from) / (to - from)))
    out[i] = table[i]! * Math.exp(logs[k]! + t * ((logs[k + 1] ?? logs[k]!) - logs[k]!))
  }
  return out.sort()
}
