/**
 * `resources.ndjson`: what a target samples while a load test runs, one JSON document a line, about once a
 * second. A line is of one replica, or of the host that generator and replicas share.
 */
import { z } from 'zod'

const amount = z.number().nonnegative()

export const replicaSample = z.object({
  /** Milliseconds since 1970. */
  at: z.number(),
  tier: z.string(),
  /** Which of the tier: `1`, a container's name … */
  replica: z.string(),
  /** CPU in cores over the time since the sample before; null where the target cannot say. */
  cpuCores: amount.nullable().default(null),
  memoryBytes: amount.nullable().default(null),
  /** 0 … 1 */
  gpuUtilization: amount.nullable().default(null),
  /** Requests waiting in the replica. */
  queue: amount.nullable().default(null),
  /**
   * Emulated replicas only: answers given since the sample before, and how many of them left later than the
   * emulator models by more than so many milliseconds: `{ "1": 12, "2": 3 }`.
   */
  emulated: z
    .object({ answers: amount, late: z.record(z.string(), amount) })
    .nullable()
    .default(null),
})

export const hostSample = z.object({
  at: z.number(),
  /** Share of all the host's CPU time that was not idle, with what the hypervisor stole; 0 … 1. */
  hostCpu: amount.max(1),
})

export const resourceSample = z.union([replicaSample, hostSample])

export type ReplicaSample = z.output<typeof replicaSample>
export type HostSample = z.output<typeof hostSample>
export type ResourceSample = z.output<typeof resourceSample>

/** A line of `resources.ndjson`; null for anything else, such as a half-written last line. */
export function parseResourceLine(line: string): ResourceSample | null {
  try {
    const parsed = resourceSample.safeParse(JSON.parse(line))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

/** What a tier used during a step: cores and bytes summed over its replicas, averaged over the time. */
export interface TierUse {
  readonly replicas: number
  readonly cpuCores: number | null
  readonly memoryBytes: number | null
  /** Mean over the replicas, 0 … 1. */
  readonly gpuUtilization: number | null
  /** Requests waiting, summed over the replicas. */
  readonly queue: number | null
}

export interface TimeWindow {
  readonly fromMs: number
  readonly toMs: number
}

/** The use of each tier in a window. */
export function tierUse(samples: readonly ResourceSample[], window: TimeWindow): Record<string, TierUse> {
  const byTier = Map.groupBy(replicasIn(samples, window), (sample) => sample.tier)
  return Object.fromEntries([...byTier].map(([tier, list]) => [tier, useOf(list)]))
}

function useOf(samples: readonly ReplicaSample[]): TierUse {
  const byReplica = [...Map.groupBy(samples, (sample) => sample.replica).values()]
  // A replica is averaged over its own samples first, so that one sampled more often counts no more.
  const means = (field: 'cpuCores' | 'memoryBytes' | 'gpuUtilization' | 'queue'): number[] =>
    byReplica.map((list) => mean(list.map((sample) => sample[field]))).filter((value) => value !== null)
  return {
    replicas: byReplica.length,
    cpuCores: sum(means('cpuCores')),
    memoryBytes: sum(means('memoryBytes')),
    gpuUtilization: mean(means('gpuUtilization')),
    queue: sum(means('queue')),
  }
}

/** Mean share of the host's CPU that was busy in a window; null without a sample. */
export function hostCpu(samples: readonly ResourceSample[], window: TimeWindow): number | null {
  return mean(
    samples
      .filter((sample) => 'hostCpu' in sample && isIn(window, sample.at))
      .map((sample) => (sample as HostSample).hostCpu),
  )
}

/** Answers of one emulated replica, and how many left later than each of some thresholds. */
export interface Lateness {
  readonly tier: string
  readonly replica: string
  readonly answers: number
  /** Threshold in milliseconds → answers beyond it; ascending. */
  readonly late: readonly (readonly [beyondMs: number, answers: number])[]
}

/** How late the emulated replicas were in a window. */
export function emulatorLateness(samples: readonly ResourceSample[], window: TimeWindow): Lateness[] {
  const byReplica = Map.groupBy(replicasIn(samples, window), (sample) => `${sample.tier} ${sample.replica}`)
  return [...byReplica.values()].flatMap((list) => {
    const [first] = list
    if (first === undefined) return []
    const answers = sum(list.map((sample) => sample.emulated?.answers ?? 0)) ?? 0
    const late = new Map<number, number>()
    for (const { emulated } of list) {
      for (const [beyond, count] of Object.entries(emulated?.late ?? {}))
        late.set(Number(beyond), (late.get(Number(beyond)) ?? 0) + count)
    }
    const ascending = [...late].toSorted(([a], [b]) => a - b)
    return answers === 0 ? [] : [{ tier: first.tier, replica: first.replica, answers, late: ascending }]
  })
}

function replicasIn(samples: readonly ResourceSample[], window: TimeWindow): ReplicaSample[] {
  return samples.filter((sample): sample is ReplicaSample => 'tier' in sample && isIn(window, sample.at))
}

function isIn({ fromMs, toMs }: TimeWindow, at: number): boolean {
  return at >= fromMs && at <= toMs
}

function sum(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0)
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  const total = sum(known)
  return total === null ? null : total / known.length
}
