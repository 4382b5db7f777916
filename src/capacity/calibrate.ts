import type { Tier } from '../stack/stack.ts'
import { quantileOf } from './distribution.ts'
import type { Bench } from './experiment.ts'
import { fitBatching } from './fit-batching.ts'
import { fitContinuous } from './fit-continuous.ts'
import { fitFifo } from './fit-fifo.ts'
import type { Fit, Sweep } from './fit.ts'
import { throughputOf } from './throughput.ts'
import type { Calibrated } from './model.ts'
import type { MeasuredStep, Measurement, RecommendInput, TierNow } from './types.ts'
import { fitUsl } from './usl.ts'

/** No tier is run beyond this share of its knee. */
export const kneeShare = 0.85

/** A model whose mismatch is below this is taken. */
const goodMismatch = 2.5

/** Fewer samples than this say too little of a law. */
const fewestSamples = 100

/** What is wrong with a tier's measurements, for a sentence that begins with the tier's name. */
export interface NotCalibrated {
  readonly reason: string
}

/** A tier's model and knee from every run that exercised it alone. */
export function calibrate(now: TierNow, input: RecommendInput): Calibrated | NotCalibrated {
  const own = input.measurements.filter((measurement) => measurement.tier === now.tier)
  if (own.length === 0) return { reason: 'nothing was measured of it' }
  const byReplicas = Map.groupBy(own, (measurement) => measurement.replicas)
  const fits = [...byReplicas]
    .sort((a, b) => a[0] - b[0])
    .map(([replicas, measurements]) => ({
      replicas,
      measurements,
      ...fitOf(replicas, measurements, now, input),
    }))
  const base = fits.find(({ fit }) => fit !== null)
  if (base === undefined || base.fit === null) {
    const why =
      own.flatMap((measurement) => measurement.steps).length === 0
        ? 'its runs have no steps'
        : 'none of its steps is valid and has enough samples'
    return { reason: why }
  }
  return describe(now.tier, base.replicas, base.steps, base.fit, base.measurements, contentionOf(fits))
}

interface Fitted {
  readonly steps: readonly MeasuredStep[]
  readonly fit: Fit | null
}

function fitOf(
  replicas: number,
  measurements: readonly Measurement[],
  now: TierNow,
  input: RecommendInput,
): Fitted {
  const steps = measurements
    .flatMap((measurement) => measurement.steps)
    .filter((step) => step.valid && step.samples.reduce((sum, [, n]) => sum + n, 0) >= fewestSamples)
    .sort((a, b) => a.offered - b.offered)
  const bench: Bench = {
    arrivals: measurements[0]!.arrivals ?? { kind: 'poisson' },
    behind: {
      replicas,
      policy: now.policy ?? input.policy,
      slowdown: 1,
      shards: measurements[0]!.shards ?? 1,
      replication: 1,
      maxInFlight: Number.POSITIVE_INFINITY,
    },
    seed: input.seed,
  }
  return { steps, fit: steps.length === 0 ? null : bestFit(steps, bench) }
}

/** Which model a tier follows is decided by its latencies: the one that gives them back best. */
function bestFit(steps: readonly MeasuredStep[], bench: Bench): Fit | null {
  const throughput = throughputOf(steps)
  const past = new Set(throughput?.steps)
  const usable = steps.filter((step) => !past.has(step) && step.errorsShare < 0.02)
  const sweep: Sweep = { steps, usable: usable.length === 0 ? [steps[0]!] : usable, throughput, bench }
  let best: Fit | null = null
  // The model with fewer parameters first; the next is only asked when chance does not explain what is left.
  for (const fitModel of [fitContinuous, fitFifo, fitBatching]) {
    const fit = fitModel(sweep)
    if (fit !== null && (best === null || fit.mismatch < 0.7 * best.mismatch)) best = fit
    if (best !== null && best.mismatch < goodMismatch) return best
  }
  return best
}

function contentionOf(fits: readonly { replicas: number; fit: Fit | null }[]): number | null {
  const points = fits.flatMap(({ replicas, fit }) =>
    fit !== null && fit.kneeMeasured ? [[replicas, fit.knee] as const] : [],
  )
  return points.length < 2 ? null : fitUsl(points).alpha
}

function describe(
  tier: Tier,
  replicas: number,
  steps: readonly MeasuredStep[],
  fit: Fit,
  measurements: readonly Measurement[],
  contention: number | null,
): Calibrated {
  const knee = fit.kneeMeasured ? fit.knee / replicas : null
  const kept = steps.filter(
    (step) => !step.saturated && step.errorsShare < 0.02 && (knee === null || step.offered < knee * replicas),
  )
  const highest = kept.at(-1) ?? steps[0]!
  const ceiling = knee === null ? highest.offered / replicas : kneeShare * knee
  const quiet = kept.filter((step) => step.offered / replicas <= ceiling)
  const lowest = steps[0]!
  return {
    tier,
    model: fit.model,
    knee,
    ceiling,
    error: fit.error,
    measured: {
      lowest: lowest.offered / replicas,
      highest: highest.offered / replicas,
      highestStep: highest.id ?? '',
    },
    contention: contention ?? 0,
    contentionKnown: contention !== null,
    replicasMeasured: Math.max(...measurements.map((measurement) => measurement.replicas)),
    errorsShare: quiet.length === 0 ? 0 : Math.max(...quiet.map((step) => step.errorsShare)),
    confidence: knee === null ? 'low' : 'high',
    atLowest: lowest.samples,
    ttftShare:
      lowest.ttft === undefined ? null : quantileOf(lowest.ttft, 0.5) / quantileOf(lowest.samples, 0.5),
    runs: [...new Set(measurements.map((measurement) => measurement.run))],
    because: sentences(fit, knee, replicas, steps, highest, measurements),
  }
}

function sentences(
  fit: Fit,
  knee: number | null,
  replicas: number,
  steps: readonly MeasuredStep[],
  highest: MeasuredStep,
  measurements: readonly Measurement[],
): string[] {
  const from = `${steps.length} rates from ${show(steps[0]!.offered)} to ${show(steps.at(-1)!.offered)}/s on ${replicas} ${replicas === 1 ? 'replica' : 'replicas'} (run ${[...new Set(measurements.map((m) => m.run))].join(', ')})`
  const percent = show(100 * fit.error)
  const model =
    fit.model.kind === 'fifo'
      ? `${fit.model.servers} served at a time, ${show(1000 / (fit.knee / replicas / fit.model.servers))} ms each on average`
      : fit.model.kind
  return [
    `Measured at ${from}.`,
    `Latencies over these rates are those of ${model} (mismatch ${show(fit.mismatch)}; 1 is chance alone).`,
    knee === null
      ? `No rate was past the knee: one replica is given at most the highest rate that was measured, ${show(highest.offered / replicas)}/s.`
      : `The knee of one replica is ${show(knee)}/s ± ${percent} %: what it worked off under overload, and the service times at low rates; no replica is given more than ${kneeShare * 100} % of it.`,
  ]
}

/** Three significant digits. */
export function show(value: number): string {
  return Number(value.toPrecision(3)).toString()
}
