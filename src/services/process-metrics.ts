import { Gauge } from 'prom-client'
import type { Registry } from 'prom-client'

/**
 * `process_*`, by the names that Prometheus' own clients give them: what shows CPU and memory where nothing watches
 * containers, as on plain hosts. Read when asked for; nothing runs in between.
 */
export function processMetrics(registry: Registry): void {
  const startedAt = Date.now() / 1_000 - process.uptime()
  const metric = (name: string, help: string, read: () => number): void => {
    const gauge = new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.set(read())
      },
    })
    registry.registerMetric(gauge)
  }
  metric('process_cpu_seconds_total', 'User and system CPU time spent, in seconds.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  metric('process_resident_memory_bytes', 'Resident memory in bytes.', () => process.memoryUsage.rss())
  metric('process_start_time_seconds', 'When the process began, in Unix seconds.', () => startedAt)
}
