/** As `src/services/process-metrics.ts` has them. */
export const processMetrics = {
  process_cpu_seconds_total: 'counter',
  process_resident_memory_bytes: 'gauge',
  process_start_time_seconds: 'gauge',
} as const
