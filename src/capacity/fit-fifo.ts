import { withoutWaiting } from './deconvolve.ts'
import { meanOf, quantileOf, tableCv, tableOf, type Table } from './distribution.ts'
import { requestsOf } from './experiment.ts'
import { mismatchOf, reconciled, type Fit, type Sweep } from './fit.ts'
import type { FifoModel } from './model.ts'
import { allenCunneen } from './queueing.ts'
import { withMean, withTail } from './tilt.ts'
import { withoutQueueing } from './unwait.ts'

/** A parameter more must lower the squared error by this much (Akaike would ask for 2). */
const parameterCost = 4

/**
 * Stretches of the law's slowest twentieth: few samples tell of it at low rates, but the waits at high rates do,
 * which grow with the second moment.
 */
const tails = [1, 1.4, 0.75, 1.9]
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
  let best: Fit<FifoModel> | null = null
  for (const servers of candidates(implied, sweep.throughput !== null)) {
    const tried = fitServers(servers, start, sweep)
    if (tried !== null && (best === null || tried.mismatch < best.mismatch)) best = tried
  }
  return best
}

/** Without a knee only a lower bound is known, and the search goes further up. */
function candidates(implied: number, kneeKnown: boolean): number[] {
  const upper = Math.max(1, Math.ceil(implied * 1.08))
  const least = Math.max(1, Math.floor(kneeKnown ? implied * 0.5 : implied))
  const most = kneeKnown ? upper : 4 * upper + 4
  const servers: number[] = []
  for (let c = least; c <= most; c += Math.max(1, Math.floor(c / (kneeKnown ? 12 : 4)))) servers.push(c)
  return servers
}

export function fitServers(servers: number, start: Table, sweep: Sweep): Fit<FifoModel> | null {
  const { usable, throughput, bench } = sweep
  const { replicas, shards } = bench.behind
  const lowest = usable[0]!
  const meanFromKnee = throughput === null ? null : (1000 * servers * replicas) / shards / throughput.rate
  const overheadMs = overheadOf(servers, meanFromKnee, start, sweep)
  if (overheadMs > quantileOf(lowest.samples, 0.005)) return null
  const build = (law: Table): FifoModel => ({ kind: 'fifo', servers, service: law, overheadMs, shards })
  const observed = { steps: usable, bench, rate: throughput?.rate ?? null }
  const first = start.map((value) => Math.max(1e-6, value - overheadMs))
  const { law, requests } =
    shards === 1
      ? withoutQueueing(first, overheadMs, servers, observed)
      : withoutWaiting(first, overheadMs, build, observed)
  let best: Fit<FifoModel> | null = null
  for (const tail of tails) {
    const stretched = withTail(law, tail)
    const { meanMs, error, penalty } = reconciled(stretched, requests, meanFromKnee, throughput)
    const model = build(withMean(stretched, meanMs))
    const knee = (1000 * servers * replicas) / shards / meanMs
    if (throughput === null && knee < 1.02 * sweep.steps.at(-1)!.offered) continue
    const { sum, terms } = mismatchOf(model, bench, usable, knee, error)
    const doubt = (overheadMs > 0 ? parameterCost : 0) + (Math.log(tail) / tailDeviation) ** 2
    const mismatch = (sum + penalty + doubt) / (terms + 1)
    if (best === null || mismatch < best.mismatch)
      best = { model, knee, kneeMeasured: throughput !== null, error, mismatch }
    // What chance alone explains needs no other tail.
    if (tail === 1 && mismatch < 1.2) break
  }
  return best
}

/** Time at the lowest rate that no server was busy with and that was not waiting, if more than chance. */
export function overheadOf(
  servers: number,
  meanFromKnee: number | null,
  start: Table,
  { usable, bench }: Sweep,
): number {
  if (meanFromKnee === null || bench.behind.shards > 1) return 0
  const lowest = usable[0]!
  const meanMs = meanOf(lowest.samples)
  const cv = tableCv(start)
  const noise = (3 * cv * meanMs) / Math.sqrt(requestsOf(lowest))
  const perReplica = lowest.offered / 1000 / bench.behind.replicas
  const waiting = allenCunneen(servers, perReplica, meanFromKnee, 1, cv * cv)
  const overhead = meanMs - waiting - meanFromKnee
  return overhead < noise + 0.03 * meanFromKnee ? 0 : overhead
}
