/** Loads what a recommendation was made for, and puts predicted beside measured. */
import type { PredictedMetric, Recommendation } from '../capacity/types.ts'
import { tierOfStage } from '../capacity/measurements.ts'
import type { LoadStage } from '../load/plan.ts'
import type { Run, RunStep, Verdict } from '../recording/run.ts'
import type { Stage } from '../stack/stack.ts'

export interface VerifiedMetric {
  /** `<stage>.latency.<percentile>` */
  readonly on: string
  readonly predictedMs: number
  readonly bandMs: readonly [number, number] | null
  /** Null where the run had too few samples, or too many failures. */
  readonly measuredMs: number | null
}

export interface Verification {
  readonly run: string
  /** Whether every SLO held in a measurement that may be believed; null when it may not. */
  readonly ok: boolean | null
  readonly verdict: Verdict
  readonly because: readonly string[]
  readonly metrics: readonly VerifiedMetric[]
}

/** The stages that together show whether the counts hold: the pipeline where it was measured, else each tier alone. */
export function stagesToVerify(recommendation: Recommendation, hasPipeline: boolean): LoadStage[] {
  const tiers = Object.keys(recommendation.tiers)
  if (hasPipeline && tiers.includes('gateway')) return ['pipeline']
  const stages: LoadStage[] = ['embed', 'retrieve', 'rerank', 'generate']
  return stages.filter((stage) => tiers.includes(tierOfStage[stage] ?? ''))
}

/** Pure. */
export function verification(recommendation: Recommendation, run: Run): Verification {
  const metrics = run.steps.flatMap((step) => {
    const predicted = predictedFor(recommendation, step.stage as Stage)
    return predicted === null ? [] : rowsOf(step, predicted)
  })
  const ok = run.verdict === 'pass' ? true : run.verdict === 'fail' ? false : null
  return { run: run.id, ok, verdict: run.verdict, because: run.verdictBecause, metrics }
}

function predictedFor({ predicted }: Recommendation, stage: Stage): PredictedMetric | null {
  const tier = tierOfStage[stage]
  return tier === null ? predicted.latency : (predicted.tiers[tier] ?? null)
}

function rowsOf(step: RunStep, predicted: PredictedMetric): VerifiedMetric[] {
  const measured = step.metrics['latency']
  return [
    row(step, 'p50', predicted.p50, predicted.p50Band, measured?.p50),
    row(step, 'p95', predicted.p95, predicted.p95Band, measured?.p95),
    row(step, 'p99', predicted.p99, predicted.p99Band, measured?.p99),
  ]
}

function row(
  step: RunStep,
  percentile: string,
  predictedMs: number,
  bandMs: readonly [number, number],
  measuredMs: number | null | undefined,
): VerifiedMetric {
  return { on: `${step.stage}.latency.${percentile}`, predictedMs, bandMs, measuredMs: measuredMs ?? null }
}
