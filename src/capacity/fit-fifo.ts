import { withoutWaiting } from './deconvolve.ts'
import { meanOf, quantileOf, tableCv, tableOf, type Table } from './distribution.ts'
import { requestsOf, type Bench } from './experiment.ts'
import { mismatchOf, reconciled, type Fit, type Sweep } from './fit.ts'
import type { FifoModel } from './model.ts'
import { allenCunneen } from './queueing.ts'
import { withMean, withTail } from './tilt.ts'
import type { MeasuredStep } from './types.ts'
import { withoutQueueing } from './unwait.ts'

/** A parameter more must lower the squared error by this much (Akaike would ask for 2). */
const parameterCost = 4

/**
 * Stretches of the law's slowest twentieth: few samples tell of it at low rates, but the waits at high rates do,
 * which grow with the second moment.
 */
const tails = [1.4, 0.75, 1.9]
const tailDeviation = 0.35

/**
 * The number of servers and the law of service that give the measured latencies back when the measured steps
 * are simulated on them.
 */
export function fitFifo(sweep: Sweep): Fit<FifoModel> | null {
  const lowest = sweep.usable[0]!
  const start = tableOf(lowest.samples)
  const { replicas, shards } = sweep.bench.behind
  // Servers that the low rate's latency would need for the throughput; fewer where some of the time is overhead.
  const rate = sweep.throughput?.rate ?? sweep.steps.at(-1)!.offered
  const implied = (rate * meanOf(lowest.samples) * shards) / 1000 / replicas
  let best: { fit: Fit<FifoModel>; looked: Looked } | null = null
  for (const servers of candidates(implied, sweep.throughput !== null, shards)) {
    const looked = lookAt(servers, start, sweep)
    const fit = looked === null ? null : assess(looked, 1, sweep)
    if (looked !== null && fit !== null && (best === null || fit.mismatch < best.fit.mismatch))
      best = { fit, looked }
  }
  if (best === null) return null
  // What chance alone explains needs no other tail.
  if (best.fit.mismatch < 1.2) return best.fit
  const others = tails.map((tail) => assess(best.looked, tail, sweep)).filter((fit) => fit !== null)
  return [best.fit, ...others].reduce((a, b) => (b.mismatch < a.mismatch ? b : a))
}

/** Without a knee only a lower bound is known, and the search goes further up. */
function candidates(implied: number, kneeKnown: boolean, shards: number): number[] {
  const upper = Math.max(1, Math.ceil(implied * 1.08))
  // Parts of a request that wait for each other make its latency a poor guide.
  const least = shards > 1 ? 1 : Math.max(1, Math.floor(kneeKnown ? implied * 0.5 : implied))
  const most = kneeKnown ? upper : 4 * upper + 4
  const servers: number[] = []
  for (let c = least; c <= most; c += Math.max(1, Math.floor(c / (kneeKnown ? 12 : 4)))) servers.push(c)
  return servers
}

/** The law of service, if there are this many servers. */
interface Looked {
  readonly servers: number
  readonly overheadMs: number
  readonly meanFromKnee: number | null
  readonly law: Table
  readonly requests: number
}

function lookAt(servers: number, start: Table, { usable, throughput, bench }: Sweep): Looked | null {
  const { replicas, shards } = bench.behind
  const meanFromKnee = throughput === null ? null : (1000 * servers * replicas) / shards / throughput.rate
  const overheadMs = overheadOf(servers, meanFromKnee, start, usable[0]!, bench)
  if (overheadMs > quantileOf(usable[0]!.samples, 0.005)) return null
  const observed = { steps: usable, bench, rate: throughput?.rate ?? null }
  const first = start.map((value) => Math.max(1e-6, value - overheadMs))
  const build = (law: Table): FifoModel => ({ kind: 'fifo', servers, service: law, overheadMs, shards })
  const found =
    shards === 1
      ? withoutQueueing(first, overheadMs, servers, observed)
      : withoutWaiting(first, overheadMs, build, observed, 4, Math.min(shards, servers))
  return { servers, overheadMs, meanFromKnee, ...found }
}

function assess(
  looked: Looked,
  tail: number,
  { steps, usable, throughput, bench }: Sweep,
): Fit<FifoModel> | null {
  const { servers, overheadMs, meanFromKnee, requests } = looked
  const { replicas, shards } = bench.behind
  const law = withTail(looked.law, tail)
  const { meanMs, error, penalty } = reconciled(law, requests, meanFromKnee, throughput)
  const model: FifoModel = { kind: 'fifo', servers, service: withMean(law, meanMs), overheadMs, shards }
  const knee = (1000 * servers * replicas) / shards / meanMs
  if (throughput === null && knee < 1.02 * steps.at(-1)!.offered) return null
  const { sum, terms } = mismatchOf(model, bench, usable, knee, error)
  const doubt = (overheadMs > 0 ? parameterCost : 0) + (Math.log(tail) / tailDeviation) ** 2
  return {
    model,
    knee,
    kneeMeasured: throughput !== null,
    error,
    mismatch: (sum + penalty + doubt) / (terms + 1),
  }
}

/** Time at the lowest rate that no server was busy with and that was not waiting, if more than chance. */
function overheadOf(
  servers: number,
  meanFromKnee: number | null,
  start: Table,
  lowest: MeasuredStep,
  bench: Bench,
): number {
  if (meanFromKnee === null || bench.behind.shards > 1) return 0
  const meanMs = meanOf(lowest.samples)
  const cv = tableCv(start)
  const noise = (3 * cv * meanMs) / Math.sqrt(requestsOf(lowest))
  const perReplica = lowest.offered / 1000 / bench.behind.replicas
  const waiting = allenCunneen(servers, perReplica, meanFromKnee, 1, cv * cv)
  const overhead = meanMs - waiting - meanFromKnee
  return overhead < noise + 0.03 * meanFromKnee ? 0 : overhead
}
