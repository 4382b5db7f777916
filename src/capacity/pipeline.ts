import { correlationOf, type Correlation } from './correlate.ts'
import type { Table } from './distribution.ts'
import type { Calibrated, SimulatedTier, TierModel } from './model.ts'
import { PipelineSimulation, type TierCounts } from './simulate.ts'
import { withTail } from './tilt.ts'
import type { RecommendInput, TierNow } from './types.ts'
import { layoutOf } from './vector.ts'

/** A tier of the stack that was measured. */
export interface Known {
  readonly now: TierNow
  readonly calibrated: Calibrated
}

/** What is recommended for. */
export interface Context {
  readonly input: RecommendInput
  readonly known: readonly Known[]
  /** With growth. */
  readonly rate: number
  readonly correlation: Correlation | null
}

/** Contention that replicas may have where none was measured: the slow end of the band assumes it. */
const unmeasuredContention = 0.005

/** The slowest twentieth of a law rests on a twentieth of its requests: √20 times the law's own error. */
const tailError = Math.sqrt(20)

/**
 * The measured tiers under the load, everything slower by `errors` standard errors of its measurement (quicker
 * where negative).
 */
export function simulationOf(
  { input, known, rate, correlation }: Context,
  errors: number,
  size: { readonly queries: number; readonly warmup: number },
): PipelineSimulation {
  const load = { rate, arrivals: input.arrivals, seed: input.seed, ...size }
  return new PipelineSimulation(simulatedTiers(input, known, errors), load, correlation?.value ?? 0)
}

export function simulatedTiers(
  input: RecommendInput,
  known: readonly Known[],
  errors: number,
): SimulatedTier[] {
  return known.map(({ now, calibrated }) => {
    const doubt = calibrated.contentionKnown ? 0 : unmeasuredContention
    return {
      name: now.tier,
      model: slowed(calibrated.model, errors * calibrated.error),
      replicas: now.replicas,
      policy: now.policy ?? input.policy,
      visits: now.visits ?? 1,
      contention: calibrated.contention + (errors > 1 ? doubt : 0),
    }
  })
}

/** The same tier with every time longer by a share, and the slowest ones by more, as they are less well known. */
function slowed(model: TierModel, share: number): TierModel {
  if (share === 0) return model
  const factor = 1 + share
  const longer = (table: Table): Table =>
    withTail(table, Math.exp(share * (tailError - 1))).map((value) => value * factor)
  switch (model.kind) {
    case 'fifo':
      return { ...model, service: longer(model.service) }
    case 'batching':
      return { ...model, alphaMs: model.alphaMs * factor, own: model.own.map((value) => value * factor) }
    case 'continuous':
      return {
        ...model,
        alphaMs: model.alphaMs * factor,
        betaMs: model.betaMs * factor,
        prefillOnceMs: model.prefillOnceMs * factor,
        prefill: longer(model.prefill),
      }
    case 'independent':
      return {
        ...model,
        latency: longer(model.latency),
        ttft: model.ttft === null ? null : longer(model.ttft),
      }
  }
}

/** The counts as the simulation takes them; a vector tier's shards and copies follow from its nodes. */
export function tierCounts(known: readonly Known[], counts: readonly number[], spare: number): TierCounts[] {
  return known.map(({ now }, i) => {
    const replicas = counts[i]!
    if (now.collection === undefined) return { replicas }
    const { shards, replication } = layoutOf(now.collection, replicas, spare)
    return { replicas, shards, replication }
  })
}

/** How stages go together; null where no pipeline of just these tiers was measured. */
export function pipelineCorrelation(input: RecommendInput, known: readonly Known[]): Correlation | null {
  const measured = input.measurements.find(({ stage, tier }) => stage === 'pipeline' && tier === null)
  if (measured === undefined || known.length < 2 || known.length < input.tiers.length) return null
  const counts = known.map(({ now }) => measured.counts?.[now.tier] ?? now.replicas)
  const most = Math.min(
    ...known.map(({ now, calibrated }, i) => (calibrated.ceiling * counts[i]!) / (now.visits ?? 1)),
  )
  const steps = measured.steps.filter(
    (step) => step.valid && !step.saturated && step.offered < 0.6 * most && step.samples.length > 0,
  )
  if (steps.length === 0) return null
  return correlationOf(
    simulatedTiers(input, known, 0),
    { counts: tierCounts(known, counts, 0), arrivals: measured.arrivals ?? { kind: 'poisson' }, steps },
    input.seed,
  )
}
