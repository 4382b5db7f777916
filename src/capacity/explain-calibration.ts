import type { Fit } from './fit.ts'
import type { TierModel } from './model.ts'
import { tableMean } from './distribution.ts'
import type { MeasuredStep } from './types.ts'

/** Three significant digits. */
export function show(value: number): string {
  return Number(value.toPrecision(3)).toString()
}

export interface Calibration {
  readonly fit: Fit
  readonly knee: number | null
  /** Whether the knee was told from CPU time, no rate having been past it. */
  readonly byCpu: boolean
  readonly replicas: number
  readonly steps: readonly MeasuredStep[]
  readonly highest: MeasuredStep
  readonly runs: readonly string[]
  readonly alone: boolean
  readonly contention: number | null
}

/** Where a tier's numbers come from, one sentence each. */
export function describeCalibration(calibration: Calibration): string[] {
  const { fit, knee, byCpu, replicas, steps, highest, runs, alone, contention } = calibration
  const rates =
    steps.length === 1
      ? `one rate, ${show(steps[0]!.offered)}/s,`
      : `${steps.length} rates from ${show(steps[0]!.offered)} to ${show(steps.at(-1)!.offered)}/s`
  const on = replicas === 1 ? 'one replica' : `${replicas} replicas`
  const from = alone ? 'Measured alone' : 'Read from the spans of a pipeline, not measured alone:'
  return [
    `${from} at ${rates} on ${on} (${runs.length === 1 ? 'run' : 'runs'} ${runs.join(', ')}).`,
    `Its latencies are those of ${modelInWords(fit.model)}; replayed at the measured rates it misses them by ${show(Math.sqrt(fit.mismatch))} standard errors, where chance alone makes 1.`,
    knee === null
      ? `No rate was past the knee, so one replica is given at most the highest rate that was measured${highest.id === undefined ? '' : ` (step ${highest.id})`}: ${show(highest.offered / replicas)}/s. It may well hold more.`
      : byCpu
        ? `No rate was past the knee; from the CPU time of a request one replica would use all of its CPU at ${show(knee)}/s (utilization law).`
        : `The knee of one replica is ${show(knee)}/s ± ${show(196 * fit.error)} % (95 %), from what it worked off under overload and from its service times at low rates.`,
    ...(contention === null
      ? []
      : [
          `Knees at different counts give a contention of ${show(100 * contention)} % a further replica (USL).`,
        ]),
  ]
}

function modelInWords(model: TierModel): string {
  switch (model.kind) {
    case 'fifo': {
      const each = `${show(tableMean(model.service))} ms ${model.shards > 1 ? 'a shard' : 'each'} on average`
      const overhead = model.overheadMs > 0 ? ` and ${show(model.overheadMs)} ms besides` : ''
      return `${model.servers} served at a time, first come first served, ${each}${overhead}`
    }
    case 'batching': {
      const full =
        model.maxBatch > 1e6 ? 'no limit that was reached' : `at most ${show(model.maxBatch)} of them`
      return `batches that take ${show(model.alphaMs)} ms + ${show(tableMean(model.own))} ms a request, ${full}`
    }
    case 'continuous':
      return `token iterations of ${show(model.alphaMs)} ms + ${show(model.betaMs)} ms a sequence, with ${show(model.prefillOnceMs)} ms to take up prompts and ${show(tableMean(model.prefill))} ms for each`
    case 'independent':
      return `requests that do not wait for each other, ${show(tableMean(model.latency))} ms each on average`
  }
}
