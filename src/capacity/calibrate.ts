import { countOf } from './distribution.ts'
import type { Bench } from './experiment.ts'
import { describeCalibration } from './explain-calibration.ts'
import { fitBatching } from './fit-batching.ts'
import { fitContinuous } from './fit-continuous.ts'
import { fitFifo } from './fit-fifo.ts'
import type { Fit, Sweep } from './fit.ts'
import type { Calibrated } from './model.ts'
import { failuresOf, fewestSamples, overloaded } from './overload.ts'
import { calibrateProvided } from './provided.ts'
import { throughputOf } from './throughput.ts'
import type { MeasuredStep, Measurement, RecommendInput, TierNow } from './types.ts'
import { fitUsl } from './usl.ts'

/** No tier is run beyond this share of its knee. */
export const kneeShare = 0.85

/** A model whose mismatch is below this is taken. */
const goodMismatch = 2.5

/** Another model, with more parameters, is only taken when it leaves less than this share of the mismatch. */
const betterBy = 0.7

/** What is wrong with a tier's measurements, for a sentence that begins with the tier's name. */
export interface NotCalibrated {
  readonly reason: string
}

/** A tier's model and knee: from every run that exercised it alone, else from the spans of a pipeline. */
export function calibrate(now: TierNow, input: RecommendInput): Calibrated | NotCalibrated {
  const alone = input.measurements.filter((measurement) => measurement.tier === now.tier)
  const measurements = alone.length > 0 ? alone : insidePipelines(now, input.measurements)
  if (measurements.length === 0) return { reason: 'nothing was measured of it' }
  if (now.provided !== undefined) return calibrateProvided(now, now.provided, measurements, alone.length > 0)
  const fits = [...Map.groupBy(measurements, ({ replicas }) => replicas)]
    .sort((a, b) => a[0] - b[0])
    .map(([replicas, same]) => ({ replicas, ...fitOf(replicas, same, now, input) }))
  const base = fits.find(({ fit }) => fit !== null)
  if (base === undefined || base.fit === null) return { reason: whyNot(measurements) }
  const { steps, fit } = base
  const replicas = base.lanes

  const byCpu = fit.kneeMeasured || alone.length > 0 ? null : kneeByCpu(now, steps)
  const knee = fit.kneeMeasured ? fit.knee / replicas : byCpu
  const kept = steps.filter((step) => !overloaded(step) && (knee === null || step.offered < knee * replicas))
  const highest = kept.at(-1) ?? steps[0]!
  const ceiling = knee === null ? highest.offered / replicas : kneeShare * knee
  const contention = contentionOf(fits)
  const runs = [...new Set(measurements.map(({ run }) => run))]
  return {
    tier: now.tier,
    model: fit.model,
    knee,
    ceiling,
    error: fit.error * Math.sqrt(Math.max(1, fit.mismatch)),
    // With a step past the knee, every rate below it lies between measured ones.
    measured: {
      lowest: steps[0]!.offered / replicas,
      highest: (knee === null ? highest : steps.at(-1)!).offered / replicas,
    },
    contention: contention ?? 0,
    contentionKnown: contention !== null,
    replicasMeasured: Math.max(...fits.map((one) => one.replicas)),
    mismatch: fit.mismatch,
    alone: alone.length > 0,
    errorsShare: failuresOf(kept.filter((step) => step.offered / replicas <= ceiling * 1.001)),
    runs,
    because: describeCalibration({
      fit,
      knee,
      byCpu: byCpu !== null,
      replicas,
      steps,
      highest,
      runs,
      alone: alone.length > 0,
      contention,
    }),
  }
}

interface Fitted {
  readonly steps: readonly MeasuredStep[]
  readonly fit: Fit | null
  /** Replicas that did the work: of a single shard only the nodes that have a copy search. */
  readonly lanes: number
}

function fitOf(
  replicas: number,
  measurements: readonly Measurement[],
  now: TierNow,
  input: RecommendInput,
): Fitted {
  const steps = measurements
    .flatMap((measurement) => measurement.steps)
    .filter((step) => step.valid && countOf(step.samples) >= fewestSamples)
    .sort((a, b) => a.offered - b.offered)
  const shards = measurements[0]!.shards ?? 1
  const replication = now.collection?.replication ?? replicas
  const lanes = shards === 1 ? Math.min(replicas, replication) : replicas
  if (steps.length === 0) return { steps, fit: null, lanes }
  const bench: Bench = {
    arrivals: measurements[0]!.arrivals ?? { kind: 'poisson' },
    behind: {
      replicas: lanes,
      policy: now.policy ?? input.policy,
      slowdown: 1,
      shards,
      replication,
      maxInFlight: Number.POSITIVE_INFINITY,
    },
    seed: input.seed,
  }
  return { steps, fit: bestFit(steps, bench), lanes }
}

/** Which model a tier follows is decided by its latencies: the one that gives them back best. */
function bestFit(steps: readonly MeasuredStep[], bench: Bench): Fit | null {
  const throughput = throughputOf(steps)
  const past = new Set(throughput?.steps)
  const usable = steps.filter((step) => !past.has(step) && !overloaded(step))
  // Past the knee every latency is the backlog's: of the service itself it says nothing.
  if (usable.length === 0) return null
  const sweep: Sweep = { steps, usable, throughput, bench }
  let best: Fit | null = null
  // The model with fewer parameters first; the next is only asked when chance does not explain what is left.
  for (const fitModel of bench.behind.shards > 1 ? [fitFifo] : [fitContinuous, fitFifo, fitBatching]) {
    const fit = fitModel(sweep)
    if (fit !== null && (best === null || fit.mismatch < betterBy * best.mismatch)) best = fit
    if (best !== null && best.mismatch < goodMismatch) return best
  }
  return best
}

/**
 * The rate at which one replica would use all of the CPU that it can: its cores ÷ CPU time a request (the
 * utilization law, U = X · S). Null where its CPU was not seen.
 */
function kneeByCpu({ tier, cores }: TierNow, steps: readonly MeasuredStep[]): number | null {
  if (cores === undefined) return null
  let coreSeconds = 0
  let requests = 0
  for (const { tierCpuCores, completed, seconds } of steps) {
    const used = tierCpuCores?.[tier]
    if (used === undefined) continue
    coreSeconds += used * seconds
    requests += completed * seconds
  }
  return coreSeconds > 0 && requests > 0 ? (cores * requests) / coreSeconds : null
}

function contentionOf(fits: readonly Fitted[]): number | null {
  const points = fits.flatMap(({ lanes, fit }) =>
    fit !== null && fit.kneeMeasured ? [[lanes, fit.knee] as const] : [],
  )
  return points.length < 2 ? null : fitUsl(points).alpha
}

/**
 * The steps of pipelines as if they had been the tier's own: its share of each query, at the rate that reached it.
 * Steps in which the pipeline was overloaded say nothing of a tier that waited for another.
 */
function insidePipelines(now: TierNow, measurements: readonly Measurement[]): Measurement[] {
  return measurements.flatMap((measurement) => {
    if (measurement.tier !== null || measurement.stage !== 'pipeline') return []
    const visits = now.visits ?? 1
    const steps = measurement.steps.flatMap((step): MeasuredStep[] => {
      const samples = step.tiers?.[now.tier]
      if (samples === undefined || overloaded(step)) return []
      const { id, seconds, warmupSeconds, valid, tierCpuCores } = step
      const rates = {
        offered: step.offered * visits,
        achieved: step.achieved * visits,
        completed: step.completed * visits,
      }
      const kept = { seconds, valid, saturated: false, errorsShare: 0, samples, ...rates }
      return [
        {
          ...kept,
          ...(id === undefined ? {} : { id }),
          ...(tierCpuCores === undefined ? {} : { tierCpuCores }),
          ...(warmupSeconds === undefined ? {} : { warmupSeconds }),
        },
      ]
    })
    const replicas = measurement.counts?.[now.tier] ?? now.replicas
    const { run, stage, arrivals } = measurement
    const shards = now.collection === undefined ? {} : { shards: now.collection.shards }
    return steps.length === 0
      ? []
      : [
          {
            run,
            stage,
            tier: now.tier,
            replicas,
            steps,
            ...shards,
            ...(arrivals === undefined ? {} : { arrivals }),
          },
        ]
  })
}

function whyNot(measurements: readonly Measurement[]): string {
  const steps = measurements.flatMap((measurement) => measurement.steps)
  if (steps.length === 0) return 'its runs have no steps'
  if (!steps.some((step) => step.valid)) return 'none of its steps may be believed'
  if (!steps.some((step) => step.valid && countOf(step.samples) >= fewestSamples))
    return `none of its steps has ${fewestSamples} samples`
  return 'every step that may be believed was past its knee: measure lower rates too'
}
