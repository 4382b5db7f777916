/** What the pods of a Kubernetes node use, as its kubelet says (`/api/v1/nodes/<node>/proxy/stats/summary`). */
import { z } from 'zod'
import type { UsageReading } from './usage.ts'

const amount = z.number().nonnegative()
const cpu = z.object({ time: z.string(), usageCoreNanoSeconds: amount.optional() })
const memory = z.object({ workingSetBytes: amount.optional() })

const summary = z.object({
  pods: z.array(
    z.object({
      podRef: z.object({ name: z.string(), namespace: z.string(), uid: z.string() }),
      cpu: cpu.nullish(),
      memory: memory.nullish(),
      network: z.object({ rxBytes: amount.optional(), txBytes: amount.optional() }).nullish(),
    }),
  ),
})

export interface PodReading {
  readonly namespace: string
  readonly name: string
  /** Of this pod alone: one of the same name that came after it has another. */
  readonly uid: string
  readonly usage: UsageReading
}

/**
 * The kubelet takes a reading every ten seconds or so and gives it with the time at which it did. Disk is not in it.
 * Pods without a reading yet are left out; anything but a summary is empty.
 */
export function podReadings(answer: unknown): PodReading[] {
  const parsed = summary.safeParse(answer)
  if (!parsed.success) return []
  return parsed.data.pods.flatMap(({ podRef, cpu, memory, network }): PodReading[] => {
    const atMs = Date.parse(cpu?.time ?? '')
    const nanoseconds = cpu?.usageCoreNanoSeconds
    if (Number.isNaN(atMs) || nanoseconds === undefined) return []
    const { rxBytes: received, txBytes: sent } = network ?? {}
    const usage: UsageReading = {
      atMs,
      cpuSeconds: nanoseconds / 1e9,
      memoryBytes: memory?.workingSetBytes ?? null,
      network: received === undefined || sent === undefined ? null : { received, sent },
      disk: null,
    }
    return [{ ...podRef, usage }]
  })
}
