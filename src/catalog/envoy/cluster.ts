/** Where Envoy sends requests: replicas found by DNS, their health, and how one is chosen. */
import {
  connectSeconds,
  type Pool,
  resolveSeconds,
  type Upstream,
  upstreamIdleSeconds,
} from '../balancing.ts'

/** Envoy's limits, so high that the replicas' own are met first. */
const unlimited = 16_384

export function clusterOf({ name, host, port }: Pool, { policy, healthPath }: Upstream): object {
  return {
    name,
    connect_timeout: `${connectSeconds}s`,
    cluster_type: {
      name: 'envoy.clusters.dns',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster',
        // Every address of the answer is a replica.
        all_addresses_in_single_endpoint: false,
        dns_refresh_rate: `${resolveSeconds}s`,
        dns_failure_refresh_rate: { base_interval: '1s', max_interval: `${resolveSeconds}s` },
        // Model servers listen on IPv4 only.
        dns_lookup_family: 'V4_PREFERRED',
        typed_dns_resolver_config: {
          name: 'envoy.network.dns_resolver.cares',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig',
            // Names are whole: no search domain is to be tried first.
            dns_resolver_options: { no_default_search_domain: true },
          },
        },
      },
    },
    load_balancing_policy: { policies: [{ typed_extension_config: policies[policy] }] },
    common_lb_config: {
      // No replica is well: say so at once, rather than ask those that are still loading their models.
      healthy_panic_threshold: { value: 0 },
      // By default a change of health waits for up to a second after another one, and for as long a replica that is
      // gone looks like the least busy.
      update_merge_window: '0s',
    },
    ...(healthPath === null ? {} : { health_checks: [healthCheck(healthPath, host)] }),
    outlier_detection: outlierDetection,
    circuit_breakers: {
      thresholds: [
        {
          max_connections: unlimited,
          max_pending_requests: unlimited,
          max_requests: unlimited,
          max_retries: unlimited,
        },
      ],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        // Before the servers close an idle connection, which they do after 5 s (vLLM, Qdrant).
        common_http_protocol_options: { idle_timeout: `${upstreamIdleSeconds}s` },
        explicit_http_config: { http_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [endpoint(host, port)] }],
    },
  }
}

/** Envoy itself, for its metrics. */
export function adminCluster(port: number): object {
  return {
    name: 'admin',
    type: 'STATIC',
    connect_timeout: `${connectSeconds}s`,
    load_assignment: {
      cluster_name: 'admin',
      endpoints: [{ lb_endpoints: [endpoint('127.0.0.1', port)] }],
    },
  }
}

function endpoint(address: string, port: number): object {
  return { endpoint: { address: { socket_address: { address, port_value: port } } } }
}

const policies = {
  'least-connections': {
    name: 'envoy.load_balancing_policies.least_request',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest',
      selection_method: 'FULL_SCAN',
    },
  },
  'round-robin': {
    name: 'envoy.load_balancing_policies.round_robin',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin',
    },
  },
  random: {
    name: 'envoy.load_balancing_policies.random',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.random.v3.Random',
    },
  },
} as const satisfies Record<Upstream['policy'], object>

/** A busy replica may be slow to say that it is well. 429: it refuses work, so it is alive. */
function healthCheck(path: string, host: string): object {
  return {
    timeout: '5s',
    interval: '2s',
    no_traffic_interval: '2s',
    unhealthy_threshold: 3,
    healthy_threshold: 1,
    reuse_connection: false,
    http_health_check: {
      path,
      host,
      expected_statuses: [
        { start: 200, end: 201 },
        { start: 429, end: 430 },
      ],
    },
  }
}

/** Only what fails before a server answers; never what it answers. */
const outlierDetection = {
  split_external_local_origin_errors: true,
  consecutive_local_origin_failure: 3,
  enforcing_consecutive_local_origin_failure: 100,
  enforcing_local_origin_success_rate: 0,
  enforcing_consecutive_5xx: 0,
  enforcing_consecutive_gateway_failure: 0,
  enforcing_success_rate: 0,
  enforcing_failure_percentage: 0,
  enforcing_failure_percentage_local_origin: 0,
  interval: '1s',
  base_ejection_time: `${resolveSeconds}s`,
  max_ejection_time: `${resolveSeconds}s`,
  max_ejection_percent: 50,
}
