import { type AlertCase, rising, steady } from '../alert-case.ts'

const balancer = 'job="balancer", replica="balancer-1"'
const embed = `${balancer}, proxy="embed"`
const cluster = `${balancer}, envoy_cluster_name="embed"`

const haproxyCases: readonly AlertCase[] = [
  {
    alert: 'HAProxyFindsNoReplica',
    over: { [`haproxy_backend_active_servers{${embed}}`]: steady(0) },
    under: { [`haproxy_backend_active_servers{${embed}}`]: steady(1) },
    at: '3m',
    notAt: '30s',
  },
  {
    alert: 'HAProxyReplicaDown',
    over: { [`haproxy_backend_agg_server_status{${embed}, state="DOWN"}`]: steady(1) },
    under: {
      [`haproxy_backend_agg_server_status{${embed}, state="DOWN"}`]: steady(0),
      // Places that no replica has taken.
      [`haproxy_backend_agg_server_status{${embed}, state="MAINT"}`]: steady(14),
    },
    at: '15m',
    notAt: '5m',
  },
  {
    alert: 'HAProxyRetriesConnections',
    over: {
      [`haproxy_backend_retry_warnings_total{${embed}}`]: rising(0.2),
      [`haproxy_backend_http_requests_total{${embed}}`]: rising(10),
    },
    under: {
      [`haproxy_backend_retry_warnings_total{${embed}}`]: rising(0.05),
      [`haproxy_backend_http_requests_total{${embed}}`]: rising(10),
    },
    at: '20m',
    notAt: '8m',
  },
  {
    alert: 'HAProxyNearItsConnections',
    over: {
      [`haproxy_process_current_connections{${balancer}}`]: steady(7000),
      [`haproxy_process_max_connections{${balancer}}`]: steady(8192),
    },
    under: {
      [`haproxy_process_current_connections{${balancer}}`]: steady(6500),
      [`haproxy_process_max_connections{${balancer}}`]: steady(8192),
    },
    at: '10m',
    notAt: '4m',
  },
]

const envoyCases: readonly AlertCase[] = [
  {
    alert: 'EnvoyFindsNoReplica',
    over: { [`envoy_cluster_membership_healthy{${cluster}}`]: steady(0) },
    under: { [`envoy_cluster_membership_healthy{${cluster}}`]: steady(1) },
    at: '3m',
    notAt: '30s',
  },
  {
    alert: 'EnvoyReplicaUnhealthy',
    over: {
      [`envoy_cluster_membership_total{${cluster}}`]: steady(3),
      [`envoy_cluster_membership_healthy{${cluster}}`]: steady(2),
    },
    under: {
      [`envoy_cluster_membership_total{${cluster}}`]: steady(3),
      [`envoy_cluster_membership_healthy{${cluster}}`]: steady(3),
    },
    at: '15m',
    notAt: '5m',
  },
  {
    alert: 'EnvoyRetriesConnections',
    over: {
      [`envoy_cluster_upstream_rq_retry{${cluster}}`]: rising(0.2),
      [`envoy_cluster_upstream_rq_total{${cluster}}`]: rising(10),
    },
    under: {
      [`envoy_cluster_upstream_rq_retry{${cluster}}`]: rising(0.05),
      [`envoy_cluster_upstream_rq_total{${cluster}}`]: rising(10),
    },
    at: '20m',
    notAt: '8m',
  },
  {
    alert: 'EnvoyNearItsConnections',
    over: {
      [`envoy_http_downstream_cx_active{${balancer}, envoy_http_conn_manager_prefix="tier_embed"}`]:
        steady(4000),
      [`envoy_http_downstream_cx_active{${balancer}, envoy_http_conn_manager_prefix="tier_generate"}`]:
        steady(3000),
    },
    under: {
      [`envoy_http_downstream_cx_active{${balancer}, envoy_http_conn_manager_prefix="tier_embed"}`]:
        steady(4000),
      [`envoy_http_downstream_cx_active{${balancer}, envoy_http_conn_manager_prefix="tier_generate"}`]:
        steady(2500),
    },
    at: '10m',
    notAt: '4m',
  },
]

export const balancerCases: readonly AlertCase[] = [
  ...haproxyCases,
  ...envoyCases.map((each): AlertCase => ({ ...each, variant: 'envoy' })),
]
