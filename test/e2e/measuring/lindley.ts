/** Time in system of each request, in the order of arrival, in milliseconds. */
export interface InSystem {
  readonly arrivalMs: number
  readonly timeMs: number
}

/**
 * What first come, first served on `servers` servers makes of these arrivals and services: Lindley's recursion
 * for one server, Kiefer and Wolfowitz's vector of workloads for several (Kiefer, Wolfowitz, "On the theory of
 * queues with many servers", 1955).
 */
export function timesInSystem(
  requests: readonly { readonly arrivalMs: number; readonly serviceMs: number }[],
  servers: number,
): InSystem[] {
  let workloads = Array.from({ length: servers }, () => 0)
  let before = 0
  return requests
    .toSorted((a, b) => a.arrivalMs - b.arrivalMs)
    .map(({ arrivalMs, serviceMs }, index) => {
      const gap = index === 0 ? 0 : arrivalMs - before
      before = arrivalMs
      workloads = workloads.map((workload) => Math.max(0, workload - gap)).toSorted((a, b) => a - b)
      const waitMs = workloads[0] ?? 0
      workloads[0] = waitMs + serviceMs
      return { arrivalMs, timeMs: waitMs + serviceMs }
    })
}

/** Nearest rank: the smallest value that at least this share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
