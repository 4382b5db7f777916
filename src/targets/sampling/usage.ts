/** What one replica has used until now: counters, of which two readings give rates. */

export interface UsageReading {
  /** When it was taken, by the clock of whoever took it; two with the same time are one. */
  readonly atMs: number
  /** User and system time since it began; null where it is not known. */
  readonly cpuSeconds: number | null
  readonly memoryBytes: number | null
  /** Bytes since it began. */
  readonly network: { readonly received: number; readonly sent: number } | null
  readonly disk: { readonly read: number; readonly written: number } | null
}

export interface Usage {
  readonly cpuCores: number | null
  readonly memoryBytes: number | null
  readonly network: {
    readonly receivedBytesPerSecond: number
    readonly sentBytesPerSecond: number
  } | null
  readonly disk: {
    readonly readBytesPerSecond: number
    readonly writtenBytesPerSecond: number
  } | null
}

/** Rates need an earlier reading of the same process; a counter that fell began anew and gives none. */
export function usageBetween(before: UsageReading | null, now: UsageReading): Usage {
  const seconds = before === null ? 0 : (now.atMs - before.atMs) / 1000
  const rate = (from: number | null | undefined, to: number | null | undefined): number | null => {
    if (from === null || from === undefined || to === null || to === undefined) return null
    return seconds <= 0 || to < from ? null : (to - from) / seconds
  }
  const received = rate(before?.network?.received, now.network?.received)
  const sent = rate(before?.network?.sent, now.network?.sent)
  const read = rate(before?.disk?.read, now.disk?.read)
  const written = rate(before?.disk?.written, now.disk?.written)
  return {
    cpuCores: rate(before?.cpuSeconds, now.cpuSeconds),
    memoryBytes: now.memoryBytes,
    network:
      received === null || sent === null
        ? null
        : { receivedBytesPerSecond: received, sentBytesPerSecond: sent },
    disk:
      read === null || written === null ? null : { readBytesPerSecond: read, writtenBytesPerSecond: written },
  }
}
