import { quantilesOf, tableCv, tableMean, type Table } from './distribution.ts'
import { logQuantiles, requestsOf, type Bench } from './experiment.ts'
import type { TierModel } from './model.ts'
import type { Throughput } from './throughput.ts'
import type { MeasuredStep } from './types.ts'

/** A model that gives a tier's measurements back. */
export interface Fit<Model extends TierModel = TierModel> {
  readonly model: Model
  /** Requests a second, of all replicas measured together, beyond which latency grows without bound. */
  readonly knee: number
  /** Whether a step went past it. */
  readonly kneeMeasured: boolean
  /** Relative standard error of the knee. */
  readonly error: number
  /** Mean square of (measured − modelled) in standard errors; about 1 for a model that is right. */
  readonly mismatch: number
}

/** What every model is fitted to. */
export interface Sweep {
  /** Valid, ascending in rate. */
  readonly steps: readonly MeasuredStep[]
  /** Those of them that were not past the knee and hardly failed; never empty. */
  readonly usable: readonly MeasuredStep[]
  readonly throughput: Throughput | null
  readonly bench: Bench
}

const compared = [0.5, 0.75, 0.9, 0.95, 0.99]
const repeats = 4

/** Requests simulated of a step, in each repeat, at most. */
const mostRequests = 2500

/** A model's own imprecision, relative: no model is held to less than this. */
const grain = 0.005

/**
 * Σ((measured − modelled)/standard error)² over steps and quantiles, in logarithms;
 * `error` is the relative standard error of `knee`.
 */
export function mismatchOf(
  model: TierModel,
  bench: Bench,
  steps: readonly MeasuredStep[],
  knee: number,
  error: number,
): { readonly sum: number; readonly terms: number } {
  let sum = 0
  let terms = 0
  for (const step of steps) {
    const requests = requestsOf(step)
    const factor = Math.min(1, mostRequests / requests)
    const { mean, variance } = logQuantiles(model, bench, step, compared, repeats, factor)
    // Four repeats say little of one quantile's variance; half of it is borrowed from its neighbours.
    const typical = variance.reduce((total, value) => total + value, 0) / variance.length
    // Close to the knee the least error in it swings every latency.
    const load = Math.min(0.98, step.offered / knee)
    const swing = (error * load) / (1 - load)
    // Queues have moods that last about 1/(knee·(1 − load)²): a step has seen only so many of them.
    const moods = (2 * load ** 2) / (knee * (1 - load) ** 2 * step.seconds)
    // And there all quantiles rise and fall together: they count as few.
    const weight = Math.max(1 / compared.length, 1 - load)
    const measured = quantilesOf(step.samples, compared)
    for (let i = 0; i < compared.length; i++) {
      if ((1 - compared[i]!) * requests < 5) continue
      const difference = Math.log(Math.max(1e-6, measured[i]!)) - mean[i]!
      const own = (1 + 1 / (factor * repeats)) * ((variance[i]! + typical) / 2)
      sum += (weight * difference ** 2) / (own + grain ** 2 + swing ** 2 + moods)
      terms += weight
    }
  }
  return { sum, terms }
}

export interface Reconciled {
  /** The mean that both looks together speak for. */
  readonly meanMs: number
  readonly error: number
  /** Square of the disagreement, in standard errors. */
  readonly penalty: number
}

/**
 * Two independent looks at the mean time of a lone request: at low rates (`law`), and in the throughput of
 * overload (`meanFromKnee`, null where there was none). The weights are the inverse variances.
 */
export function reconciled(
  law: Table,
  requests: number,
  meanFromKnee: number | null,
  throughput: Throughput | null,
): Reconciled {
  const cv = tableCv(law)
  const errorOfLaw = Math.max(0.002, cv / Math.sqrt(Math.max(1, requests)))
  if (meanFromKnee === null || throughput === null)
    return { meanMs: tableMean(law), error: errorOfLaw, penalty: 0 }
  const errorOfKnee = Math.max(0.003, cv / Math.sqrt(throughput.requests))
  const a = 1 / errorOfLaw ** 2
  const b = 1 / errorOfKnee ** 2
  const apart = Math.log(meanFromKnee / tableMean(law))
  return {
    meanMs: tableMean(law) * Math.exp((b * apart) / (a + b)),
    error: 1 / Math.sqrt(a + b),
    penalty: apart ** 2 / (errorOfLaw ** 2 + errorOfKnee ** 2),
  }
}
