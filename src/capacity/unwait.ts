import { arrivalsOf } from './arrivals.ts'
import type { Observed } from './deconvolve.ts'
import { pooled, quantileOfSorted, tableOf, tableSize, type Table } from './distribution.ts'
import { requestsOf } from './experiment.ts'
import { serveFifo } from './fifo.ts'
import { erlangC } from './queueing.ts'
import { randomOf } from './random.ts'
import type { Distribution, MeasuredStep } from './types.ts'

/** Bins of latency: each is this much wider than the one before. */
const binRatio = 1.04
const rounds = 5
const iterations = 40

/**
 * Samples that a bin needs beyond what waits explain, or it vanishes (a Dirichlet prior just below 1). Without it
 * the last of what waits explain leaves a law only as 1 ÷ iterations.
 */
const sparsity = 0.15
const waitAtoms = 48
const simulatedRequests = 4000

export interface Unwaited {
  readonly law: Table
  /** Requests that the law rests on, each counted by how much it says. */
  readonly requests: number
}

/** Latencies of a step, by bin, and how much they are believed. */
interface Blurred {
  readonly counts: Float64Array
  readonly trust: number
}

/**
 * The law of service of `servers` first-come-first-served servers, from latencies with waiting in them. A request's
 * wait is independent of its own service, so latency = service + wait is a convolution. Given the law, simulation
 * gives the waits of each step; given the waits, expectation–maximisation (Richardson–Lucy) gives the most likely
 * law. In turn, until both agree.
 */
export function withoutQueueing(
  start: Table,
  overheadMs: number,
  servers: number,
  { steps, bench, rate }: Observed,
): Unwaited {
  const lanes = servers * bench.behind.replicas
  const busyMs = quantileOfSorted(start, 0.5)
  const idle = (step: MeasuredStep): number =>
    1 -
    erlangC(
      lanes,
      Math.min(0.99 * lanes, rate === null ? (step.offered * busyMs) / 1000 : (step.offered / rate) * lanes),
    )
  // Waits come in bunches: where many wait, a step's own luck in bunches would be taken for its service.
  const quiet = steps.filter((step, i) => i === 0 || idle(step) ** 3 > 0.3)
  const bins = binsOf(pooled(quiet.map((step) => step.samples)), overheadMs)
  const blurred = quiet.map((step): Blurred => ({
    trust: idle(step) ** 3,
    counts: countsIn(bins, step.samples, overheadMs),
  }))
  let law = start
  let weights = startWeights(bins, start, idle(quiet[0]!), overheadMs)
  // Where hardly anybody waits there is little to take out.
  const busiest = Math.min(...quiet.map(idle))
  for (let round = 0; round < (busiest > 0.97 ? 1 : rounds); round++) {
    const waits = quiet.map((step) => waitsOf(law, servers, step, bench, round))
    const moves = waits.map((wait) => movesOf(bins, wait))
    for (let i = 0; i < iterations; i++) weights = maximised(weights, blurred, moves)
    law = tableOf(
      [...bins.values].map((value, k) => [value, weights[k]!] as const).filter(([, weight]) => weight > 0),
    )
  }
  const requests = quiet.reduce((sum, step) => sum + requestsOf(step) * idle(step) ** 3, 0)
  return { law, requests }
}

/** Mostly the quicker part, as large as the share that found a server idle; a little of all, so that nothing is ruled out. */
function startWeights(bins: Bins, start: Table, idle: number, overheadMs: number): Float64Array {
  const quicker = Math.floor(tableSize * idle)
  return countsIn(
    bins,
    [...start].map((value, i) => [value + overheadMs, i < quicker ? 1 : 0.1] as const),
    overheadMs,
  )
}

interface Bins {
  /** What stands for a bin: the mean of what was measured in it. */
  readonly values: Float64Array
  indexOf(valueMs: number): number
}

function binsOf(all: Distribution, overheadMs: number): Bins {
  const shifted = all.map(([value, n]) => [Math.max(1e-6, value - overheadMs), n] as const)
  const lowest = Math.log(shifted[0]![0])
  const width = Math.log(binRatio)
  const count = 1 + Math.floor((Math.log(shifted.at(-1)![0]) - lowest) / width)
  const indexOf = (value: number): number =>
    Math.min(count - 1, Math.max(0, Math.floor((Math.log(value) - lowest) / width)))
  const sums = new Float64Array(count)
  const counts = new Float64Array(count)
  for (const [value, n] of shifted) {
    sums[indexOf(value)]! += value * n
    counts[indexOf(value)]! += n
  }
  const values = sums.map((sum, i) =>
    counts[i]! > 0 ? sum / counts[i]! : Math.exp(lowest + (i + 0.5) * width),
  )
  return { values, indexOf }
}

function countsIn(bins: Bins, samples: Distribution, overheadMs: number): Float64Array {
  const counts = new Float64Array(bins.values.length)
  for (const [value, n] of samples) counts[bins.indexOf(Math.max(1e-6, value - overheadMs))]! += n
  return counts
}

interface Waits {
  /** Share of requests that wait for nothing. */
  readonly none: number
  /** Waits of the others, ascending. */
  readonly some: Float64Array
}

function waitsOf(
  law: Table,
  servers: number,
  step: MeasuredStep,
  bench: Observed['bench'],
  round: number,
): Waits {
  const warmup = Math.round(step.offered * (step.warmupSeconds ?? 0))
  const count = warmup + simulatedRequests
  const random = randomOf(bench.seed, 60 + round)
  const arrivals = arrivalsOf(bench.arrivals, step.offered, count, random)
  const services = new Float64Array(count)
  for (let i = 0; i < count; i++) services[i] = law[Math.floor(random.next() * tableSize)]!
  const leaving = serveFifo({ ...bench.behind, servers }, arrivals, services, random)
  const waited: number[] = []
  for (let i = warmup; i < count; i++) {
    const wait = leaving[i]! - arrivals[i]! - services[i]!
    if (wait > 1e-9 * services[i]!) waited.push(wait)
  }
  const sorted = Float64Array.from(waited).sort()
  return { none: 1 - sorted.length / (count - warmup), some: sorted }
}

interface Moves {
  readonly none: number
  /** For each bin, the bins that each wait moves it to. */
  readonly to: Int32Array
  readonly atoms: number
}

function movesOf(bins: Bins, { none, some }: Waits): Moves {
  const atoms = some.length === 0 ? 0 : waitAtoms
  const to = new Int32Array(bins.values.length * atoms)
  for (let i = 0; i < bins.values.length; i++) {
    // Each bin looks at other waits of the same law, or the gaps between the same few would have to be services.
    const phase = (i * 0.618033988749895) % 1
    for (let k = 0; k < atoms; k++)
      to[i * atoms + k] = bins.indexOf(
        bins.values[i]! + some[Math.floor(((k + phase) / atoms) * some.length)]!,
      )
  }
  return { none, to, atoms }
}

function maximised(
  weights: Float64Array,
  blurred: readonly Blurred[],
  moves: readonly Moves[],
): Float64Array {
  const next = new Float64Array(weights.length)
  blurred.forEach(({ counts, trust }, s) => {
    const { none, to, atoms } = moves[s]!
    const each = atoms === 0 ? 0 : (1 - none) / atoms
    const expected = new Float64Array(weights.length)
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i]!
      if (weight === 0) continue
      expected[i]! += weight * none
      for (let k = 0; k < atoms; k++) expected[to[i * atoms + k]!]! += weight * each
    }
    for (let i = 0; i < weights.length; i++)
      expected[i] = expected[i]! > 0 ? (trust * counts[i]!) / expected[i]! : 0
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i]!
      if (weight === 0) continue
      let share = expected[i]! * none
      for (let k = 0; k < atoms; k++) share += expected[to[i * atoms + k]!]! * each
      next[i]! += weight * share
    }
  })
  // Where a busy step alone is left, that little is believed of it that every bin would vanish: the largest never does.
  const believed = next.reduce((sum, weight) => sum + weight, 0)
  const least = Math.min(sparsity, believed / (2 * next.length))
  for (let i = 0; i < next.length; i++) next[i] = Math.max(0, next[i]! - least)
  return next
}
