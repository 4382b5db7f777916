/** A run and its histograms → what the recommender reads of it. */
import type { Histogram } from '../recording/histogram.ts'
import type { Run, RunStep } from '../recording/run.ts'
import type { SeriesByTag } from '../recording/series.ts'
import type { Stage, Tier } from '../stack/stack.ts'
import type { ArrivalLaw, Distribution, MeasuredStep, Measurement } from './types.ts'

/** The tier that a stage exercises alone; a pipeline exercises them all. */
export const tierOfStage: Readonly<Record<Stage, Tier | null>> = {
  embed: 'embed',
  retrieve: 'vector',
  rerank: 'rerank',
  generate: 'generate',
  ingest: 'worker',
  pipeline: null,
}

/** Stages that a gateway reports the times of, by the tier that spends them. */
const tiersInPipeline: Readonly<Record<string, Tier>> = {
  gateway: 'gateway',
  embed: 'embed',
  retrieve: 'vector',
  rerank: 'rerank',
  generate: 'generate',
}

/** One measurement for every stage of the run. */
export function measurementsOf(run: Run, series: SeriesByTag): Measurement[] {
  return (run.stages as Stage[]).flatMap((stage) => {
    const steps = run.steps.filter((step) => step.stage === stage)
    if (steps.length === 0) return []
    const tier = tierOfStage[stage]
    const { collection } = run.stack.tiers.vector ?? {}
    return [
      {
        run: run.id,
        stage,
        tier,
        replicas: tier === null ? 1 : replicasOf(run, steps, tier),
        ...(stage === 'retrieve' && collection !== undefined ? { shards: collection.shards } : {}),
        ...arrivalsOf(run),
        ...(tier === null ? { counts: countsOf(run, steps) } : {}),
        steps: steps.map((step) => measuredStep(step, series)),
      },
    ]
  })
}

function measuredStep(step: RunStep, series: SeriesByTag): MeasuredStep {
  const of = (metric: string): Histogram | undefined =>
    series.get(`${step.id}.${step.stage}.${metric}`)?.histogram
  const answered = Math.max(1, step.succeeded)
  const inside = Object.entries(tiersInPipeline).flatMap(([metric, tier]) => {
    const histogram = step.stage === 'pipeline' ? of(metric) : undefined
    return histogram === undefined ? [] : [[tier, distributionOf(histogram)] as const]
  })
  const ttft = of('ttft')
  const tpot = of('tpot')
  const itlGap = of('itl_gap')
  const latency = of('latency')
  return {
    id: step.id,
    offered: step.offered,
    achieved: step.achieved,
    completed: step.completed,
    seconds: step.seconds,
    warmupSeconds: (Date.parse(step.windowStartedAt) - Date.parse(step.startedAt)) / 1_000,
    valid: step.valid,
    saturated: step.saturated,
    errorsShare: step.scheduled === 0 ? 0 : step.failed / step.scheduled,
    samples: latency === undefined ? [] : distributionOf(latency),
    ...(ttft === undefined ? {} : { ttft: distributionOf(ttft) }),
    ...(tpot === undefined ? {} : { tpot: distributionOf(tpot) }),
    ...(itlGap === undefined ? {} : { itlGap: distributionOf(itlGap) }),
    ...(step.tokens.output === 0
      ? {}
      : { inputTokens: step.tokens.input / answered, outputTokens: step.tokens.output / answered }),
    ...(inside.length === 0 ? {} : { tiers: Object.fromEntries(inside), tierCpuCores: cpuOf(step) }),
  }
}

function cpuOf(step: RunStep): Partial<Record<Tier, number>> {
  return Object.fromEntries(
    Object.entries(step.tiers).flatMap(([tier, { cpuCores }]) =>
      cpuCores === null ? [] : [[tier, cpuCores]],
    ),
  )
}

/** Milliseconds; a histogram of the recording keeps nanoseconds. */
function distributionOf({ valuesNs, counts }: Histogram): Distribution {
  return Array.from(valuesNs, (valueNs, index) => [valueNs / 1e6, counts[index] ?? 0] as const)
}

/** What was seen running while it was measured, else what the stack said; what somebody else runs, as its endpoint says. */
function replicasOf(run: Run, steps: readonly RunStep[], tier: Tier): number {
  const seen = steps.map((step) => step.tiers[tier]?.replicas ?? 0).filter((replicas) => replicas > 0)
  if (seen.length > 0) return Math.min(...seen)
  if (tier === 'vector') return run.stack.tiers.vector?.nodes ?? run.stack.endpoints.vector?.replicas ?? 1
  const endpoint =
    tier === 'cache' || tier === 'worker'
      ? undefined
      : run.stack.endpoints[tier === 'gateway' ? 'pipeline' : tier]
  return run.stack.tiers[tier]?.replicas ?? endpoint?.replicas ?? 1
}

function countsOf(run: Run, steps: readonly RunStep[]): Partial<Record<Tier, number>> {
  const tiers = Object.keys(run.stack.tiers) as Tier[]
  return Object.fromEntries(tiers.map((tier) => [tier, replicasOf(run, steps, tier)]))
}

function arrivalsOf(run: Run): { arrivals?: ArrivalLaw } {
  if (run.arrivals === 'poisson' || run.arrivals === 'constant') return { arrivals: { kind: run.arrivals } }
  const burstiness = Number(/^gamma:([\d.]+)$/.exec(run.arrivals)?.[1])
  return Number.isFinite(burstiness) ? { arrivals: { kind: 'gamma', burstiness } } : {}
}
