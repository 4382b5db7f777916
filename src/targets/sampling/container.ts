/** An engine's answer to `GET /containers/<id>/stats`, as a reading. Field by field what `docker stats` makes of it. */
import { z } from 'zod'
import type { UsageReading } from './usage.ts'

const amount = z.number().nonnegative()
const counters = z.record(z.string(), z.unknown())

const containerStats = z.object({
  read: z.string(),
  cpu_stats: z.object({ cpu_usage: z.object({ total_usage: amount.optional() }).optional() }).optional(),
  memory_stats: z
    .object({ usage: amount.optional(), stats: z.record(z.string(), z.number()).nullish() })
    .nullish(),
  networks: z.record(z.string(), z.object({ rx_bytes: amount, tx_bytes: amount }).and(counters)).nullish(),
  blkio_stats: z
    .object({
      io_service_bytes_recursive: z.array(z.object({ op: z.string(), value: amount })).nullish(),
    })
    .nullish(),
})

/**
 * Null where the container does not run, or the answer is none of that shape. On cgroup v1 as on v2, memory leaves out
 * the inactive part of the page cache, which the kernel gives back before it kills anybody.
 */
export function containerReading(stats: unknown): UsageReading | null {
  const parsed = containerStats.safeParse(stats)
  if (!parsed.success) return null
  const { read, cpu_stats: cpu, memory_stats: memory, networks, blkio_stats: disk } = parsed.data
  const atMs = Date.parse(read)
  const nanoseconds = cpu?.cpu_usage?.total_usage
  // One that has stopped is told of with the year 1 and without counters.
  if (Number.isNaN(atMs) || atMs <= 0 || nanoseconds === undefined) return null
  return {
    atMs,
    cpuSeconds: nanoseconds / 1e9,
    memoryBytes: memoryOf(memory ?? {}),
    network: networkOf(Object.values(networks ?? {})),
    disk: diskOf(disk?.io_service_bytes_recursive ?? []),
  }
}

type Memory = NonNullable<z.output<typeof containerStats>['memory_stats']>

function memoryOf({ usage, stats }: Memory): number | null {
  if (usage === undefined) return null
  // The first is cgroup v1's, the second v2's.
  const inactive = stats?.['total_inactive_file'] ?? stats?.['inactive_file'] ?? 0
  return inactive < usage ? usage - inactive : usage
}

function networkOf(
  networks: readonly { readonly rx_bytes: number; readonly tx_bytes: number }[],
): UsageReading['network'] {
  if (networks.length === 0) return null
  return {
    received: networks.reduce((sum, { rx_bytes: bytes }) => sum + bytes, 0),
    sent: networks.reduce((sum, { tx_bytes: bytes }) => sum + bytes, 0),
  }
}

/** Nothing listed: it has touched no disk, or the kernel does not count; nobody can tell which. */
function diskOf(entries: readonly { readonly op: string; readonly value: number }[]): UsageReading['disk'] {
  if (entries.length === 0) return null
  const of = (op: string): number =>
    entries.filter((entry) => entry.op.toLowerCase() === op).reduce((sum, { value }) => sum + value, 0)
  return { read: of('read'), written: of('write') }
}
