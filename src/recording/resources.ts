/**
 * `resources.ndjson`: what a target samples while a load test runs, one JSON document a line, about once a
 * second. A line is of one replica, or of the host that generator and replicas share.
 */
import { z } from 'zod'
import { type Joining, signalNamed } from '../catalog/signals.ts'

const amount = z.number().nonnegative()

/** Bytes a second; null where the target cannot say. */
export const networkUse = z.object({ receivedBytesPerSecond: amount, sentBytesPerSecond: amount })
export const diskUse = z.object({ readBytesPerSecond: amount, writtenBytesPerSecond: amount })
/** By names of `catalog/signals.ts`, and whatever other versions knew. */
export const signalValues = z.record(z.string(), amount)

export const replicaSample = z.object({
  /** Milliseconds since 1970. */
  at: z.number(),
  tier: z.string(),
  /** Which of the tier: `1`, a container's name … */
  replica: z.string(),
  /** CPU in cores over the time since the sample before; null where the target cannot say. */
  cpuCores: amount.nullable().default(null),
  memoryBytes: amount.nullable().default(null),
  network: networkUse.nullable().default(null),
  disk: diskUse.nullable().default(null),
  /** 0 … 1, a mean over the replica's GPUs; their memory is summed. */
  gpuUtilization: amount.nullable().default(null),
  gpuMemoryBytes: amount.nullable().default(null),
  /** Requests waiting in the replica. */
  queue: amount.nullable().default(null),
  /** What the replica says of its load beside the queue. */
  signals: signalValues.default({}),
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

/** A sample but for when and of whom it is: a target fills in what it can say. */
export const nothingSampled = {
  cpuCores: null,
  memoryBytes: null,
  network: null,
  disk: null,
  gpuUtilization: null,
  gpuMemoryBytes: null,
  queue: null,
  signals: {},
  emulated: null,
} as const satisfies Omit<ReplicaSample, 'at' | 'tier' | 'replica'>
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
export const tierUse = z.object({
  replicas: z.number().int().nonnegative(),
  cpuCores: amount.nullable(),
  memoryBytes: amount.nullable(),
  network: networkUse.nullable().default(null),
  disk: diskUse.nullable().default(null),
  /** Mean over the replicas, 0 … 1. */
  gpuUtilization: amount.nullable(),
  gpuMemoryBytes: amount.nullable().default(null),
  /** Requests waiting, summed over the replicas. */
  queue: amount.nullable(),
  /** Over the replicas each joined as `catalog/signals.ts` says. */
  signals: signalValues.default({}),
})
export type TierUse = z.output<typeof tierUse>

export interface TimeWindow {
  readonly fromMs: number
  readonly toMs: number
}

/** The use of each tier in a window. */
export function tierUses(samples: readonly ResourceSample[], window: TimeWindow): Record<string, TierUse> {
  const byTier = Map.groupBy(replicasIn(samples, window), (sample) => sample.tier)
  return Object.fromEntries([...byTier].map(([tier, list]) => [tier, useOf(list)]))
}

function useOf(samples: readonly ReplicaSample[]): TierUse {
  const byReplica = [...Map.groupBy(samples, (sample) => sample.replica).values()]
  const over = (joining: Joining, pick: (sample: ReplicaSample) => number | null | undefined) => {
    // A replica is averaged over its own samples first, so that one sampled more often counts no more.
    const means = byReplica
      .map((list) => mean(list.map((sample) => pick(sample) ?? null)))
      .filter((value) => value !== null)
    if (joining === 'max') return means.length === 0 ? null : Math.max(...means)
    return joining === 'sum' ? sum(means) : mean(means)
  }
  const received = over('sum', ({ network }) => network?.receivedBytesPerSecond)
  const sent = over('sum', ({ network }) => network?.sentBytesPerSecond)
  const read = over('sum', ({ disk }) => disk?.readBytesPerSecond)
  const written = over('sum', ({ disk }) => disk?.writtenBytesPerSecond)
  const named = [...new Set(samples.flatMap((sample) => Object.keys(sample.signals)))]
  return {
    replicas: byReplica.length,
    cpuCores: over('sum', (sample) => sample.cpuCores),
    memoryBytes: over('sum', (sample) => sample.memoryBytes),
    network:
      received === null || sent === null
        ? null
        : { receivedBytesPerSecond: received, sentBytesPerSecond: sent },
    disk:
      read === null || written === null ? null : { readBytesPerSecond: read, writtenBytesPerSecond: written },
    gpuUtilization: over('mean', (sample) => sample.gpuUtilization),
    gpuMemoryBytes: over('sum', (sample) => sample.gpuMemoryBytes),
    queue: over('sum', (sample) => sample.queue),
    signals: Object.fromEntries(
      named.flatMap((name): [string, number][] => {
        const value = over(signalNamed(name)?.over ?? 'mean', (sample) => sample.signals[name])
        return value === null ? [] : [[name, value]]
      }),
    ),
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
