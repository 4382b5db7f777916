import type { Observed } from '../observed.ts'

/**
 * Of what cAdvisor exports, what is scraped of it (its docs/storage/prometheus.md). Every target's rules make the same
 * names of these, so that alerts and panels are written on those and not on these.
 */
export const cadvisorObserved: Observed = {
  exports: {
    machine_cpu_cores: 'gauge',
    container_cpu_usage_seconds_total: 'counter',
    container_spec_cpu_quota: 'gauge',
    container_spec_cpu_period: 'gauge',
    container_memory_working_set_bytes: 'gauge',
    container_spec_memory_limit_bytes: 'gauge',
    container_oom_events_total: 'counter',
    container_start_time_seconds: 'gauge',
  },
  alerts: [],
  panels: [],
}
