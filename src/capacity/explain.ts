import { memoryPerNodeBytes } from '../catalog/qdrant/memory.ts'
import { show } from './explain-calibration.ts'
import { kneeShare } from './calibrate.ts'
import { limitShare } from './provided.ts'
import { rounded } from './estimate.ts'
import type { Calibrated } from './model.ts'
import type { Context, Known } from './pipeline.ts'
import type { Axis } from './search.ts'
import type { Confidence, Counts, TierNow, TierRecommendation } from './types.ts'
import { layoutOf } from './vector.ts'

export interface Decision {
  /** Counts without spares, and with. */
  readonly needed: number
  readonly recommended: number
  readonly axis: Axis
  readonly capacity: number
  /** The SLO that one replica less would break, `<stage>.<metric>.<percentile>`; null where none would. */
  readonly breaks: string | null
}

export function tierRecommendation(
  { now, calibrated }: Known,
  decision: Decision,
  context: Context,
): TierRecommendation {
  const { input, rate } = context
  const { recommended: then, needed, capacity } = decision
  const provided = now.provided !== undefined
  const visits = now.visits ?? 1
  const reference = calibrated.knee ?? calibrated.ceiling
  const utilization = (rate * visits * (1 + calibrated.contention * (then - 1))) / (then * reference)
  const perReplica = (rate * visits) / then
  const confidence = confidenceIn(calibrated, perReplica, then)
  const boundBy = provided ? 'provider' : boundOf(decision, input.spare, now)
  const band = 1.96 * calibrated.error
  return {
    now: countsShown(now, now.replicas, now.collection?.replication),
    // eslint-disable-next-line unicorn/no-thenable -- a field of the recommendation's format, never a function
    then: now.collection === undefined ? countsShown(now, then) : vectorCounts(now, then, input.spare),
    capacityPerReplica: rounded(capacity),
    // A limit is exact: nothing of it was measured.
    capacityBand: provided
      ? [rounded(capacity), rounded(capacity)]
      : [rounded(capacity * (1 - band)), rounded(capacity * (1 + band))],
    kneePerReplica: calibrated.knee === null ? null : rounded(calibrated.knee),
    utilization: rounded(utilization),
    boundBy,
    confidence: confidence.level,
    model: calibrated.model.kind,
    visits,
    because: [
      ...calibrated.because,
      ...(provided
        ? [shareOfLimit(calibrated, rate * visits)]
        : [
            `${show(rate * visits)}/s over ${then} is ${show(perReplica)}/s each, ${show(100 * utilization)} % of ${calibrated.knee === null ? 'the highest measured rate' : `the knee; at most ${kneeShare * 100} % is allowed`}.`,
          ]),
      ...reasonFor(boundBy, needed, decision, input.spare),
      ...(now.collection === undefined ? [] : vectorReasons(now, then, input.spare)),
      `Confidence ${confidence.level}: ${confidence.because}.`,
    ],
  }
}

function shareOfLimit({ knee, ceiling }: Calibrated, rate: number): string {
  return knee === null
    ? `${show(rate)}/s is ${show((100 * rate) / ceiling)} % of the highest rate that was measured.`
    : `${show(rate)}/s is ${show((100 * rate) / knee)} % of what the limits allow; at most ${limitShare * 100} % is used, since bursts beyond them are refused.`
}

function confidenceIn(
  calibrated: Calibrated,
  perReplica: number,
  then: number,
): { level: Confidence; because: string } {
  const levels: Confidence[] = ['high', 'medium', 'low']
  const { highest } = calibrated.measured
  const beyond = perReplica / highest
  const reasons = [
    beyond <= 1.001
      ? 'the rate of a replica lies within the measured rates'
      : `the rate of a replica is ${show(beyond)} × the highest that was measured`,
  ]
  let level = beyond <= 1.001 ? 0 : beyond <= 1.5 ? 1 : 2
  if (then > calibrated.replicasMeasured && !calibrated.contentionKnown) {
    level++
    reasons.push(
      `${then} replicas were not measured together, so that they do not slow each other is assumed`,
    )
  }
  if (!calibrated.alone) {
    level++
    reasons.push('the tier was not measured alone')
  }
  if (calibrated.mismatch > 6) {
    level++
    reasons.push('no model gives its latencies back well')
  }
  return { level: levels[Math.min(2, level)]!, because: reasons.join('; ') }
}

function boundOf({ needed, axis, breaks }: Decision, spare: number, now: TierNow): string {
  if (spare > 0) return 'spare'
  if (needed > axis.least && breaks !== null) return breaks.slice(breaks.indexOf('.') + 1)
  if (needed > 1 && axis.because === 'availability') return 'availability'
  return needed === 1 && now.tier !== undefined ? 'minimum' : 'utilization'
}

function reasonFor(boundBy: string, needed: number, { breaks, axis }: Decision, spare: number): string[] {
  const one = needed - 1
  const spares = spare > 0 ? [`${needed} hold the load; ${spare} more, so that as many may be lost.`] : []
  if (needed > axis.least && breaks !== null)
    return [
      `With ${one} the simulation breaks ${breaks}, the error of the measurements allowed for.`,
      ...spares,
    ]
  switch (boundBy) {
    case 'minimum':
      return ['One is the least there can be.']
    case 'provider':
      return []
    case 'availability':
      return [`${needed} nodes are the least that keep the collection's copies apart.`]
    default:
      if (needed === 1) return spares
      return [`${one} would run beyond what one replica may be given.`, ...spares]
  }
}

function countsShown(now: TierNow, n: number, replication?: number): Counts {
  if (now.collection !== undefined) {
    const copies = replication ?? now.collection.replication
    const memory = memoryPerNodeBytes(now.collection, n, copies)
    return { nodes: n, shards: now.collection.shards, replication: copies, memoryPerNodeBytes: memory }
  }
  return { replicas: n, ...(now.tensorParallel === undefined ? {} : { tensorParallel: now.tensorParallel }) }
}

function vectorCounts(now: TierNow, nodes: number, spare: number): Counts {
  return countsShown(now, nodes, layoutOf(now.collection!, nodes, spare).replication)
}

function vectorReasons(now: TierNow, nodes: number, spare: number): string[] {
  const collection = now.collection!
  const { shards, replication } = layoutOf(collection, nodes, spare)
  const memory = memoryPerNodeBytes(collection, nodes, replication)
  const even = (shards * replication) % nodes === 0
  return [
    `${shards} shards stay: their number cannot change without a new collection, and each more makes every query dearer.`,
    replication === collection.replication
      ? `${replication} ${replication === 1 ? 'copy' : 'copies'} of each, as today${even ? '' : `; over ${nodes} nodes they do not come out even`}.`
      : `${replication} copies of each, so that ${spare > 0 ? 'a lost node leaves one, and ' : ''}all ${nodes} nodes have the same share of the searching. Copies are made by replicating shards, not by changing the factor alone.`,
    `${show(memory / 1e9)} GB a node: vectors, quantised copy, graph and ids of ${collection.points} points, and 20 % on top.`,
  ]
}
