/** What is watched of Envoy, by the names of its own exposition (1.40). A cluster is a tier; times are milliseconds. */
import { maxConnections } from '../balancing.ts'
import type { Observed } from '../observed.ts'

const tiers = 'envoy_cluster_name!="admin"'

const quantile = (share: number) =>
  `histogram_quantile(${share}, sum by (le, envoy_cluster_name) (rate(envoy_cluster_upstream_rq_time_bucket{job="$job", ${tiers}}[5m])))`

export const envoyObserved: Observed = {
  exports: {
    envoy_cluster_membership_healthy: 'gauge',
    envoy_cluster_membership_total: 'gauge',
    envoy_cluster_outlier_detection_ejections_active: 'gauge',
    envoy_cluster_upstream_cx_connect_fail: 'counter',
    envoy_cluster_upstream_rq_active: 'gauge',
    envoy_cluster_upstream_rq_retry: 'counter',
    envoy_cluster_upstream_rq_time: 'histogram',
    envoy_cluster_upstream_rq_total: 'counter',
    envoy_cluster_upstream_rq_xx: 'counter',
    envoy_http_downstream_cx_active: 'gauge',
  },
  alerts: [
    {
      name: 'EnvoyFindsNoReplica',
      expr: `max by (envoy_cluster_name) (envoy_cluster_membership_healthy{job="$job", ${tiers}}) < 1`,
      for: '1m',
      severity: 'critical',
      summary: 'No replica of {{ $labels.envoy_cluster_name }} can be sent requests.',
      description:
        'Every request to the tier is answered 503. Either none runs, or none is well (TierDown says which replicas Prometheus reaches), or DNS names none: GET /clusters of port 9901 inside the balancer lists what it found.',
    },
    {
      name: 'EnvoyReplicaUnhealthy',
      expr: `max by (envoy_cluster_name) (envoy_cluster_membership_total{job="$job", ${tiers}} - envoy_cluster_membership_healthy{job="$job", ${tiers}}) > 0`,
      for: '10m',
      severity: 'warning',
      summary: '{{ $value | humanize }} replicas of {{ $labels.envoy_cluster_name }} are not sent requests.',
      description:
        'DNS names them and they do not answer as well: they still load a model, are overwhelmed, hang, or refuse connections. GET /clusters of port 9901 inside the balancer says for each which it is (health_flags).',
    },
    {
      name: 'EnvoyRetriesConnections',
      expr: `sum by (envoy_cluster_name) (rate(envoy_cluster_upstream_rq_retry{job="$job", ${tiers}}[5m])) / sum by (envoy_cluster_name) (rate(envoy_cluster_upstream_rq_total{job="$job", ${tiers}}[5m])) > 0.01`,
      for: '10m',
      severity: 'warning',
      summary:
        '{{ $value | humanizePercentage }} of the requests to {{ $labels.envoy_cluster_name }} meet a replica that cannot be reached.',
      description:
        'They are sent to another one, and are up to a second later for it. A replica restarts again and again, or its queue of connections is full: look at the restarts and the CPU of the tier.',
    },
    {
      name: 'EnvoyNearItsConnections',
      expr: `sum by (replica) (envoy_http_downstream_cx_active{job="$job"}) / ${maxConnections} > 0.8`,
      for: '5m',
      severity: 'warning',
      summary:
        '{{ $labels.replica }} has {{ $value | humanizePercentage }} of the connections that it takes.',
      description:
        'Beyond it new clients are turned away. Mostly a tier has become slow and everybody waits for it: look which has the most in flight. If the load is wanted, raise balancer.replicas.',
    },
  ],
  panels: [
    {
      title: 'Requests a second',
      queries: [
        {
          expr: `sum by (envoy_cluster_name) (rate(envoy_cluster_upstream_rq_total{job="$job", ${tiers}}[5m]))`,
          legend: '{{envoy_cluster_name}}',
        },
      ],
      unit: 'reqps',
      description: 'By tier, as they are sent to replicas: one that is sent again counts twice.',
    },
    {
      title: 'Answers that are no success',
      queries: [
        {
          expr: `sum by (envoy_cluster_name, envoy_response_code_class) (rate(envoy_cluster_upstream_rq_xx{job="$job", ${tiers}, envoy_response_code_class=~"[45]"}[5m]))`,
          legend: '{{envoy_cluster_name}} {{envoy_response_code_class}}xx',
        },
      ],
      unit: 'reqps',
      description: 'By tier and class; 429 and 503 are a replica’s word that it is full.',
    },
    {
      title: 'Requests in flight',
      queries: [
        {
          expr: `sum by (envoy_cluster_name) (envoy_cluster_upstream_rq_active{job="$job", ${tiers}})`,
          legend: '{{envoy_cluster_name}}',
        },
      ],
      unit: 'short',
      description: 'By tier, over its replicas.',
    },
    {
      title: 'Replicas that are sent requests',
      queries: [
        {
          expr: `max by (envoy_cluster_name) (envoy_cluster_membership_healthy{job="$job", ${tiers}})`,
          legend: '{{envoy_cluster_name}}',
        },
        {
          expr: `max by (envoy_cluster_name) (envoy_cluster_outlier_detection_ejections_active{job="$job", ${tiers}})`,
          legend: '{{envoy_cluster_name}} left out',
        },
      ],
      unit: 'short',
      description:
        'Found by DNS and well; left out for a while where connecting failed three times in a row.',
    },
    {
      title: 'Time to the last byte of an answer',
      queries: [
        { expr: quantile(0.5), legend: '{{envoy_cluster_name}} P50' },
        { expr: quantile(0.99), legend: '{{envoy_cluster_name}} P99' },
      ],
      unit: 'ms',
      description: 'As the balancer counts it, streams to their end.',
    },
    {
      title: 'Connections that failed',
      queries: [
        {
          expr: `sum by (envoy_cluster_name) (rate(envoy_cluster_upstream_cx_connect_fail{job="$job", ${tiers}}[5m]))`,
          legend: '{{envoy_cluster_name}}',
        },
      ],
      unit: 'reqps',
      description: 'A few while replicas come and go; none otherwise.',
    },
  ],
}
