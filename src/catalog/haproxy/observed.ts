/** What is watched of HAProxy, by the names of its own exporter (2.6 to 3.2). A proxy is a tier. */
import type { Observed } from '../observed.ts'

export const haproxyObserved: Observed = {
  exports: {
    haproxy_frontend_http_requests_total: 'counter',
    haproxy_frontend_http_responses_total: 'counter',
    haproxy_backend_active_servers: 'gauge',
    haproxy_backend_agg_server_status: 'gauge',
    haproxy_backend_connection_errors_total: 'counter',
    haproxy_backend_current_sessions: 'gauge',
    haproxy_backend_http_requests_total: 'counter',
    haproxy_backend_redispatch_warnings_total: 'counter',
    haproxy_backend_response_time_average_seconds: 'gauge',
    haproxy_backend_retry_warnings_total: 'counter',
    haproxy_server_current_sessions: 'gauge',
    haproxy_process_current_connections: 'gauge',
    haproxy_process_failed_resolutions: 'counter',
    haproxy_process_max_connections: 'gauge',
  },
  alerts: [
    {
      name: 'HAProxyFindsNoReplica',
      expr: 'max by (proxy) (haproxy_backend_active_servers{job="$job"}) < 1',
      for: '1m',
      severity: 'critical',
      summary: 'No replica of {{ $labels.proxy }} can be sent requests.',
      description:
        'Every request to the tier is answered 503. Either none runs, or none is well (TierDown says which replicas Prometheus reaches), or DNS names none: ask the container’s DNS server for the tier’s name from inside the balancer.',
    },
    {
      name: 'HAProxyReplicaDown',
      expr: 'max by (proxy) (haproxy_backend_agg_server_status{job="$job", state="DOWN"}) > 0',
      for: '10m',
      severity: 'warning',
      summary: '{{ $value | humanize }} replicas of {{ $labels.proxy }} fail their health checks.',
      description:
        'DNS names them and they do not answer as well: they still load a model, are overwhelmed, or hang. The page on port 8404 inside the balancer says for each what the check got.',
    },
    {
      name: 'HAProxyRetriesConnections',
      expr: 'sum by (proxy) (rate(haproxy_backend_retry_warnings_total{job="$job"}[5m])) / sum by (proxy) (rate(haproxy_backend_http_requests_total{job="$job"}[5m])) > 0.01',
      for: '10m',
      severity: 'warning',
      summary:
        '{{ $value | humanizePercentage }} of the requests to {{ $labels.proxy }} meet a replica that cannot be reached.',
      description:
        'They are sent to another one, and are up to a second later for it. A replica restarts again and again, or its queue of connections is full: look at the restarts and the CPU of the tier.',
    },
    {
      name: 'HAProxyNearItsConnections',
      expr: 'max by (replica) (haproxy_process_current_connections{job="$job"} / haproxy_process_max_connections{job="$job"}) > 0.8',
      for: '5m',
      severity: 'warning',
      summary:
        '{{ $labels.replica }} has {{ $value | humanizePercentage }} of the connections that it takes.',
      description:
        'Beyond it new clients wait without an answer. Mostly a tier has become slow and everybody waits for it: look which has the most in flight. If the load is wanted, raise balancer.replicas.',
    },
  ],
  panels: [
    {
      title: 'Requests a second',
      queries: [
        {
          expr: 'sum by (proxy) (rate(haproxy_frontend_http_requests_total{job="$job", proxy!~"status|stats"}[5m]))',
          legend: '{{proxy}}',
        },
      ],
      unit: 'reqps',
      description: 'By tier, as clients send them.',
    },
    {
      title: 'Answers that are no success',
      queries: [
        {
          expr: 'sum by (proxy, code) (rate(haproxy_frontend_http_responses_total{job="$job", proxy!~"status|stats", code=~"[45]xx"}[5m]))',
          legend: '{{proxy}} {{code}}',
        },
      ],
      unit: 'reqps',
      description: 'By tier and class; 429 and 503 are a replica’s word that it is full.',
    },
    {
      title: 'In flight by replica',
      queries: [
        {
          expr: 'max by (proxy, server) (haproxy_server_current_sessions{job="$job"})',
          legend: '{{server}}',
        },
      ],
      unit: 'short',
      description:
        'Least connections keeps those of a tier alike. One that stays high answers more slowly than the others.',
    },
    {
      title: 'Replicas that are sent requests',
      queries: [{ expr: 'max by (proxy) (haproxy_backend_active_servers{job="$job"})', legend: '{{proxy}}' }],
      unit: 'short',
      description: 'Found by DNS and well.',
    },
    {
      title: 'Time to the first byte of an answer',
      queries: [
        {
          expr: 'max by (proxy) (haproxy_backend_response_time_average_seconds{job="$job"})',
          legend: '{{proxy}}',
        },
      ],
      unit: 's',
      description: 'The mean of the last 1,024 requests: HAProxy exports no histogram, so no percentile.',
    },
    {
      title: 'Connections that failed, requests sent to another replica',
      queries: [
        {
          expr: 'sum by (proxy) (rate(haproxy_backend_connection_errors_total{job="$job"}[5m]))',
          legend: '{{proxy}} failed',
        },
        {
          expr: 'sum by (proxy) (rate(haproxy_backend_redispatch_warnings_total{job="$job"}[5m]))',
          legend: '{{proxy}} sent to another',
        },
      ],
      unit: 'reqps',
      description: 'A few while replicas come and go; none otherwise.',
    },
    {
      title: 'Names that DNS did not resolve',
      queries: [
        {
          expr: 'sum by (replica) (rate(haproxy_process_failed_resolutions{job="$job"}[5m]))',
          legend: '{{replica}}',
        },
      ],
      unit: 'short',
      description: 'A second. A tier without replicas has no name, and counts here too.',
    },
  ],
}
