/**
 * What a Kubernetes cluster tells of its containers, as far as rules read it: the kubelet's own cAdvisor, and
 * kube-state-metrics 2 (its docs/metrics/workload/pod-metrics.md).
 */
import type { Observed } from './observed.ts'

export const clusterMetrics: Observed['exports'] = {
  container_cpu_usage_seconds_total: 'counter',
  container_memory_working_set_bytes: 'gauge',
  kube_pod_container_resource_limits: 'gauge',
  kube_pod_container_resource_requests: 'gauge',
  kube_pod_container_status_restarts_total: 'counter',
  kube_pod_container_status_last_terminated_reason: 'gauge',
}
