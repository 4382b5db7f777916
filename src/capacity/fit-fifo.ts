import {
  meanOf,
  quantileOf,
  quantileOfSorted,
  quantilesOf,
  tableCv,
  tableMean,
  tableOf,
  tableSize,
  type Table,
} from './distribution.ts'
import { latenciesOf, logQuantiles, requestsOf, type Bench } from './experiment.ts'
import type { FifoModel } from './model.ts'
import { throughputOf } from './throughput.ts'
import type { MeasuredStep } from './types.ts'

export interface Fit<Model> {
  readonly model: Model
  /** Requests a second of everything that was measured together beyond which latency grows without bound. */
  readonly knee: number
  /** Whether a step went past it. */
  readonly kneeMeasured: boolean
  /** Relative standard error of the knee. */
  readonly error: number
  /** Mean square of (measured − modelled) in standard errors; about 1 for a model that is right. */
  readonly mismatch: number
}

const compared = [0.5, 0.75, 0.9, 0.95, 0.99]
const mapped = [
  0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.84,
  0.88, 0.91, 0.935, 0.955, 0.97, 0.98, 0.987, 0.992, 0.996,
]

/**
 * The number of servers and the law of service that give the measured latencies back when the measured steps
 * are simulated on them. `steps` are valid, ascending in rate.
 */
export function fitFifo(steps: readonly MeasuredStep[], bench: Bench): Fit<FifoModel> | null {
  const lowest = steps[0]
  if (lowest === undefined) return null
  const throughput = throughputOf(steps)
  const highest = steps.at(-1)!.offered
  const start = tableOf(lowest.samples)
  const idleMs = meanOf(lowest.samples)
  const lanes = bench.behind.replicas / bench.behind.shards
  // Servers that the low rate's latency would need for the throughput; less than that where some of the time is overhead.
  const implied = ((throughput?.rate ?? highest) * idleMs) / 1000 / lanes
  const past = new Set(throughput?.steps)
  const usable = steps.filter((step) => !past.has(step) && step.errorsShare < 0.02)

  let best: Fit<FifoModel> | null = null
  for (const servers of candidates(implied, throughput !== null)) {
    const tried = fitServers(servers, {
      steps: usable.length === 0 ? [lowest] : usable,
      bench,
      start,
      lanes,
      throughput,
    })
    if (tried !== null && (best === null || tried.mismatch < best.mismatch)) best = tried
  }
  return best
}

function candidates(implied: number, known: boolean): number[] {
  const most = Math.max(1, Math.ceil(implied * 1.08))
  const servers: number[] = []
  if (known) {
    const least = Math.max(1, Math.floor(implied * 0.5))
    for (let c = least; c <= most; c += Math.max(1, Math.floor(c / 12))) servers.push(c)
  } else {
    for (let c = Math.max(1, Math.floor(implied)); c <= 4 * most + 4; c += Math.max(1, Math.floor(c / 4)))
      servers.push(c)
  }
  return servers
}

interface Tried {
  readonly steps: readonly MeasuredStep[]
  readonly bench: Bench
  readonly start: Table
  /** Replicas ÷ parts of a request. */
  readonly lanes: number
  readonly throughput: ReturnType<typeof throughputOf>
}

function fitServers(servers: number, tried: Tried): Fit<FifoModel> | null {
  const { steps, bench, lanes, throughput } = tried
  const lowest = steps[0]!
  const rate = throughput?.rate ?? null
  const cv = tableCv(tried.start)
  const meanFromKnee = rate === null ? null : (1000 * servers * lanes) / rate
  const floorMs = quantileOf(lowest.samples, 0.005)
  let overheadMs = 0
  if (meanFromKnee !== null && bench.behind.shards === 1) {
    overheadMs = Math.max(0, meanOf(lowest.samples) - meanFromKnee)
    const noise = (3 * cv * meanOf(lowest.samples)) / Math.sqrt(requestsOf(lowest))
    if (overheadMs < noise + 0.03 * meanFromKnee) overheadMs = 0
    else if (overheadMs > floorMs) return null
  }
  const first: FifoModel = {
    kind: 'fifo',
    servers,
    service: tried.start.map((value) => Math.max(1e-6, value - overheadMs)),
    overheadMs,
    shards: bench.behind.shards,
  }
  const deconvolved = withoutWaiting(first, tried)
  const seen = tableMean(deconvolved.service)
  const requests = steps.reduce((sum, step) => sum + requestsOf(step) * freeShare(step.offered, rate), 0)
  const errorOfLaw = Math.max(0.002, cv / Math.sqrt(Math.max(1, requests)))
  const errorOfKnee =
    throughput === null ? Number.POSITIVE_INFINITY : Math.max(0.003, cv / Math.sqrt(throughput.requests))
  // Two independent looks at the mean service time: at low rates, and in the throughput of overload.
  let mean = seen
  let penalty = 0
  if (meanFromKnee !== null) {
    const a = 1 / errorOfLaw ** 2
    const b = 1 / errorOfKnee ** 2
    mean = Math.exp((a * Math.log(seen) + b * Math.log(meanFromKnee)) / (a + b))
    penalty = Math.log(seen / meanFromKnee) ** 2 / (errorOfLaw ** 2 + errorOfKnee ** 2)
  }
  const model: FifoModel = {
    ...deconvolved,
    service: deconvolved.service.map((value) => (value * mean) / seen),
  }
  const knee = (1000 * servers * lanes) / mean
  if (throughput === null && knee < 1.02 * steps.at(-1)!.offered) return null
  const { sum, terms } = mismatchOf(model, bench, steps)
  const error = 1 / Math.sqrt(1 / errorOfLaw ** 2 + 1 / errorOfKnee ** 2)
  return { model, knee, kneeMeasured: throughput !== null, error, mismatch: (sum + penalty) / (terms + 1) }
}

/** How much of what a step says is about service, not about waiting. */
function freeShare(offered: number, rate: number | null): number {
  return rate === null ? 1 : Math.max(0, 1 - offered / rate) ** 2
}

/** The law of service without the waiting in it: simulate, compare quantile by quantile, correct, again. */
function withoutWaiting(first: FifoModel, tried: Tried): FifoModel {
  const rate = tried.throughput?.rate ?? null
  const steps = tried.steps.filter((step, i) => i === 0 || rate === null || step.offered < 0.65 * rate)
  let model = first
  for (let round = 0; round < 4; round++) {
    const correction = new Float64Array(mapped.length)
    const weights = new Float64Array(mapped.length)
    for (const step of steps) {
      const requests = requestsOf(step)
      const simulated = latenciesOf(model, tried.bench, step, 50 + round, Math.max(1, 6000 / requests))
      const measured = quantilesOf(step.samples, mapped)
      const weight = requests * freeShare(step.offered, rate)
      for (let i = 0; i < mapped.length; i++) {
        // A quantile with a handful of samples beyond it says nothing.
        if ((1 - mapped[i]!) * requests < 5) continue
        const ratio =
          (measured[i]! - model.overheadMs) / (quantileOfSorted(simulated, mapped[i]!) - model.overheadMs)
        if (!(ratio > 0)) continue
        correction[i]! += weight * Math.log(ratio)
        weights[i]! += weight
      }
    }
    model = { ...model, service: corrected(model.service, correction, weights) }
  }
  return model
}

/** The table with each part multiplied by the correction at its place, linear between places. */
function corrected(table: Table, correction: Float64Array, weights: Float64Array): Table {
  const places: number[] = []
  const logs: number[] = []
  for (let i = 0; i < mapped.length; i++) {
    if (weights[i]! <= 0) continue
    places.push(mapped[i]!)
    logs.push(correction[i]! / weights[i]!)
  }
  if (places.length === 0) return table
  const out = new Float64Array(tableSize)
  let k = 0
  for (let i = 0; i < tableSize; i++) {
    const place = (i + 0.5) / tableSize
    while (k < places.length - 2 && place > places[k + 1]!) k++
    const from = places[k]!
    const to = places[k + 1] ?? from
    const t = to === from ? 0 : Math.min(1, Math.max(0, (place - from) / (to - from)))
    out[i] = table[i]! * Math.exp(logs[k]! + t * ((logs[k + 1] ?? logs[k]!) - logs[k]!))
  }
  return out.sort()
}

/** Σ((measured − modelled)/standard error)² over steps and quantiles, in logarithms. */
export function mismatchOf(
  model: FifoModel,
  bench: Bench,
  steps: readonly MeasuredStep[],
): { readonly sum: number; readonly terms: number } {
  let sum = 0
  let terms = 0
  for (const step of steps) {
    const requests = requestsOf(step)
    const { mean, variance } = logQuantiles(model, bench, step, compared, 4)
    const measured = quantilesOf(step.samples, compared)
    for (let i = 0; i < compared.length; i++) {
      if ((1 - compared[i]!) * requests < 5) continue
      const difference = Math.log(Math.max(1e-6, measured[i]!)) - mean[i]!
      sum += difference ** 2 / (1.25 * variance[i]! + 0.005 ** 2)
      terms++
    }
  }
  return { sum, terms }
}
