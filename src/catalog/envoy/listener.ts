/** Where Envoy is asked: a port a tier, and one for its own health and metrics. */
import type { Pool, Upstream } from '../balancing.ts'
import { type Release, releaseHeader } from '../releases.ts'

export function listenerOf(upstream: Upstream): object {
  const { tier, listen, traffic } = upstream
  return listener(tier, listen, {
    stat_prefix: `tier_${tier}`,
    access_log: [accessLog(tier)],
    stream_idle_timeout: `${traffic.silenceSeconds}s`,
    common_http_protocol_options: { idle_timeout: '75s' },
    use_remote_address: true,
    server_header_transformation: 'PASS_THROUGH',
    preserve_external_request_id: true,
    http_filters: [
      // What is larger is refused with 413; read whole, it waits here for a slow client and not on a replica.
      ...(traffic.readsWholeRequest ? [bufferFilter(traffic.maxBodyBytes)] : []),
      router,
    ],
    route_config: {
      name: tier,
      virtual_hosts: [{ name: tier, domains: ['*'], routes: routesOf(upstream) }],
    },
  })
}

/** The release that a request names, else shares of requests. */
function routesOf(upstream: Upstream): object[] {
  const [current, next] = upstream.pools
  if (next === undefined) return [routeOf(upstream, { cluster: current.name })]
  const named = ([release, { name }]: readonly [Release, Pool]): object =>
    routeOf(
      upstream,
      { cluster: name },
      [{ name: releaseHeader, string_match: { exact: release } }],
      says(release),
    )
  const clusters = upstream.pools.map(({ name, share }, index) => ({
    name,
    weight: share,
    ...says(index === 0 ? 'current' : 'next'),
  }))
  return [
    named(['current', current]),
    named(['next', next]),
    routeOf(upstream, { weighted_clusters: { clusters } }),
  ]
}

/** Which release answered. */
function says(release: Release): object {
  return {
    response_headers_to_add: [
      { header: { key: releaseHeader, value: release }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
    ],
  }
}

function routeOf(
  { traffic }: Upstream,
  where: object,
  headers?: readonly object[],
  more: object = {},
): object {
  return {
    ...more,
    match: { prefix: '/', ...(headers === undefined ? {} : { headers }) },
    route: {
      ...where,
      timeout: traffic.streams ? '0s' : `${traffic.silenceSeconds}s`,
      idle_timeout: `${traffic.silenceSeconds}s`,
      retry_policy: {
        retry_on: 'connect-failure,refused-stream,reset-before-request',
        num_retries: 2,
        retry_host_predicate: [
          {
            name: 'envoy.retry_host_predicates.previous_hosts',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
            },
          },
        ],
        host_selection_retry_max_attempts: 5,
      },
    },
  }
}

/** `/healthz`, 503 from when a stop was asked for, and `/metrics`. */
export function statusListener(port: number): object {
  return listener('status', port, {
    stat_prefix: 'status',
    http_filters: [
      {
        name: 'envoy.filters.http.health_check',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck',
          pass_through_mode: false,
          headers: [{ name: ':path', string_match: { exact: '/healthz' } }],
        },
      },
      router,
    ],
    route_config: {
      name: 'status',
      virtual_hosts: [
        {
          name: 'status',
          domains: ['*'],
          routes: [
            {
              match: { path: '/metrics' },
              route: { cluster: 'admin', prefix_rewrite: '/stats/prometheus' },
            },
          ],
        },
      ],
    },
  })
}

function listener(name: string, port: number, manager: object): object {
  return {
    name,
    address: { socket_address: { address: '0.0.0.0', port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              ...manager,
            },
          },
        ],
      },
    ],
  }
}

const router = {
  name: 'envoy.filters.http.router',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
  },
}

function bufferFilter(maxBytes: number): object {
  return {
    name: 'envoy.filters.http.buffer',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer',
      max_request_bytes: maxBytes,
    },
  }
}

/** One JSON document a line; times in milliseconds. */
function accessLog(tier: string): object {
  return {
    name: 'envoy.access_loggers.stdout',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog',
      log_format: {
        json_format: {
          at: '%START_TIME%',
          tier,
          method: '%REQ(:METHOD)%',
          path: '%PATH(NQ)%',
          status: '%RESPONSE_CODE%',
          bytes: '%BYTES_SENT%',
          upstream: '%UPSTREAM_HOST%',
          flags: '%RESPONSE_FLAGS%',
          header_ms: '%RESPONSE_DURATION%',
          total_ms: '%DURATION%',
          attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
          request_id: '%REQ(X-REQUEST-ID)%',
        },
      },
    },
  }
}
