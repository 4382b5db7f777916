import {
  asked,
  type Balancing,
  connectSeconds,
  drainSeconds,
  lingerSeconds,
  maxConnections,
  type Pool,
  resolveSeconds,
  statusPort,
  type Upstream,
  upstreamIdleSeconds,
} from '../balancing.ts'
import { releaseHeader } from '../releases.ts'

/** Where nginx reads it, in every image of its. */
export const nginxConfigPath = '/etc/nginx/nginx.conf'

/** Needs nginx 1.27.4: the first with `keepalive_min_timeout`; `resolve` came with 1.27.3. */
export function nginxConfig({ upstreams, resolver }: Balancing): string {
  const lines = [...processLines, '', 'http {', ...indent(httpLines(resolver))]
  for (const upstream of upstreams) lines.push('', ...indent(tierLines(upstream)))
  return [...lines, '', ...indent(statusLines), '}', ''].join('\n')
}

const processLines = [
  "# Two of them pass on more than 10,000 requests a second; `auto` would count the machine's cores, not the container's.",
  'worker_processes 2;',
  `worker_rlimit_nofile ${4 * maxConnections};`,
  `# After SIGQUIT: what is being answered may end, so much later the rest is cut off.`,
  `worker_shutdown_timeout ${drainSeconds}s;`,
  'pid /tmp/nginx.pid;',
  'error_log stderr notice;',
  '',
  'events {',
  '  # Of clients and of replicas together, each of the two processes.',
  `  worker_connections ${maxConnections};`,
  '}',
]

function httpLines(resolver: string): string[] {
  return [
    'server_tokens off;',
    '',
    '# All that is ever written: the container may be read-only but for /tmp.',
    ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (path) => `${path}_temp_path /tmp/nginx_${path};`,
    ),
    '',
    '# One JSON document a line. The path has no query string: what users ask stays out of logs.',
    "log_format requests escape=json '{'",
    ...logFields.map(
      ([name, value], index) => `  '"${name}":"${value}"${index < logFields.length - 1 ? ',' : '}'}'`,
    ),
    ';',
    'access_log /dev/stdout requests;',
    '',
    '# Asked in the background, for as long as nginx runs: replicas come and go without a reload. `valid` stands in for',
    '# the time to live of the answer (600 s from Docker). Model servers listen on IPv4 only.',
    `resolver ${resolver} valid=${resolveSeconds}s ipv6=off;`,
    'resolver_timeout 2s;',
    '',
    '# Clients keep their connections, whatever a load test does.',
    'keepalive_timeout 75s;',
    'keepalive_requests 100000;',
    '# A reload closes no connection on which a client may just be sending: it has one more answer, which says `close`.',
    `keepalive_min_timeout ${lingerSeconds}s;`,
    '',
    'proxy_http_version 1.1;',
    'proxy_set_header Connection "";',
    'proxy_set_header Host $http_host;',
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    'proxy_set_header X-Forwarded-Proto $scheme;',
    'proxy_set_header X-Request-Id $request_key;',
    '# An answer larger than the buffers waits for its client and is not written to a file.',
    'proxy_buffers 16 16k;',
    'proxy_max_temp_file_size 0;',
    '',
    '# Another replica is asked when one cannot be reached. What was sent is sent again only where that is safe, so never',
    '# a POST (`non_idempotent` is absent). 429 and 503 are backpressure: as they are not listed, they neither move a',
    '# request nor count against a replica.',
    `proxy_connect_timeout ${connectSeconds}s;`,
    'proxy_send_timeout 60s;',
    'proxy_next_upstream error timeout;',
    '# Each replica once: of several that are just coming up, or gone, the one that serves may be the last.',
    'proxy_next_upstream_tries 0;',
    'proxy_next_upstream_timeout 10s;',
    '',
    '# nginx gives a request up (502, 504) whose replica is gone when DNS takes that one off the list in the moment in',
    '# which it is tried. As nothing of it was sent to anybody, it is begun again (`@again`), once, with the list as it is.',
    'map $upstream_bytes_sent $was_sent {',
    '  default 1;',
    '  "~^[-0,: ]*$" 0;',
    '}',
    '',
    'map $http_x_request_id $request_key {',
    '  default $http_x_request_id;',
    '  "" $request_id;',
    '}',
    '',
    '# Of every tier below. `zone`: what is in flight is counted over both processes, and the list of replicas can change.',
    `# \`fail_timeout\`: a replica that cannot be reached is left out until DNS has had time to forget it; after three`,
    '# failures, so that one odd request ejects nobody. `keepalive_timeout`: the servers close a connection that is idle',
    '# for 5 s (vLLM, Qdrant); whoever closes first never writes into a closing one.',
  ]
}

/** Times in seconds; of the upstream's, one for each replica that was asked. */
const logFields = [
  ['at', '$time_iso8601'],
  ['tier', '$server_name'],
  ['method', '$request_method'],
  ['path', '$uri'],
  ['status', '$status'],
  ['bytes', '$bytes_sent'],
  ['seconds', '$request_time'],
  ['upstream', '$upstream_addr'],
  ['upstream_status', '$upstream_status'],
  ['connect_seconds', '$upstream_connect_time'],
  ['header_seconds', '$upstream_header_time'],
  ['response_seconds', '$upstream_response_time'],
  ['request_id', '$request_key'],
] as const

function tierLines(upstream: Upstream): string[] {
  const { tier, listen, traffic, pools } = upstream
  const [current, next] = pools
  const pool = next === undefined ? asked(current) : `$${tier}_pool`
  return [
    ...poolLines(current, upstream),
    ...(next === undefined ? [] : [...poolLines(next, upstream), ...splitLines(tier, current, next)]),
    'server {',
    // The default, 511, is less than a burst of new connections may need.
    `  listen ${listen} backlog=4096;`,
    `  server_name ${tier};`,
    `  client_max_body_size ${traffic.maxBodyBytes / 2 ** 20}m;`,
    '  client_body_buffer_size 128k;',
    ...(traffic.readsWholeRequest
      ? []
      : [
          '  # Documents pass through; a replica is chosen when the first of their bytes are here.',
          '  proxy_request_buffering off;',
        ]),
    ...(traffic.streams ? ['  # Each token is passed on when it comes.', '  proxy_buffering off;'] : []),
    `  proxy_read_timeout ${traffic.silenceSeconds}s;`,
    ...(next === undefined ? [] : [`  add_header ${releaseHeader} $${tier}_release always;`]),
    '  location / {',
    `    proxy_pass http://${pool};`,
    '  }',
    // Of one that passes through, a part may be here that cannot be read again.
    ...(traffic.readsWholeRequest ? [502, 504].flatMap((status) => againLines(status, pool)) : []),
    '}',
  ]
}

/** What nginx itself says with this status, and no replica: begun again where no replica was sent any of it. */
function againLines(status: number, pool: string): string[] {
  return [
    `  error_page ${status} = @again_${status};`,
    `  location @again_${status} {`,
    '    if ($was_sent) {',
    `      return ${status};`,
    '    }',
    `    proxy_pass http://${pool};`,
    '  }',
  ]
}

function poolLines(pool: Pool, { policy }: Upstream): string[] {
  const { name, host, port, members } = pool
  const failing = `max_fails=3 fail_timeout=${resolveSeconds}s`
  const all = groupLines(name, policyLines[policy], [`${host}:${port} resolve ${failing}`])
  if (members === undefined) return all
  return [
    // Kept up to date all the while, for the configuration that comes after.
    ...all,
    '# While replicas come and go, those that serve; the others where none of these can be reached.',
    ...groupLines(
      asked(pool),
      // `random` knows no `backup`: for that while they take turns.
      policy === 'random' ? [] : policyLines[policy],
      [
        ...members.map((address) => `${address}:${port} ${failing}`),
        `${host}:${port} resolve backup ${failing}`,
      ],
    ),
  ]
}

function groupLines(name: string, policy: readonly string[], servers: readonly string[]): string[] {
  return [
    `upstream ${name} {`,
    `  zone ${name} 256k;`,
    ...policy,
    ...servers.map((server) => `  server ${server};`),
    '  keepalive 64;',
    `  keepalive_timeout ${upstreamIdleSeconds}s;`,
    '  keepalive_requests 100000;',
    '}',
  ]
}

const policyLines = {
  'least-connections': ['  least_conn;'],
  'round-robin': [],
  random: ['  random;'],
} as const satisfies Record<Upstream['policy'], readonly string[]>

/**
 * Which release a request goes to: the one that it names, else by its id: shares of requests, whatever the number of
 * replicas. nginx refuses 0 % and needs something to be left for `*`.
 */
function splitLines(tier: string, current: Pool, next: Pool): string[] {
  const isSplit = next.share > 0 && next.share < 100
  const share = asked(next.share === 0 ? current : next)
  return [
    ...(isSplit
      ? [
          `split_clients $request_id $${tier}_share {`,
          `  ${next.share}% ${asked(next)};`,
          `  * ${asked(current)};`,
          '}',
        ]
      : []),
    `map $http_${releaseHeader.replaceAll('-', '_')} $${tier}_pool {`,
    `  current ${asked(current)};`,
    `  next ${asked(next)};`,
    `  default ${isSplit ? `$${tier}_share` : share};`,
    '}',
    `map $${tier}_pool $${tier}_release {`,
    `  ${asked(next)} next;`,
    '  default current;',
    '}',
  ]
}

const statusLines = [
  'server {',
  `  listen ${statusPort};`,
  '  server_name balancer;',
  '  access_log off;',
  '  default_type text/plain;',
  '  location = /healthz {',
  '    return 200 "ok\\n";',
  '  }',
  '  location = /status {',
  '    stub_status;',
  '  }',
  '  location / {',
  '    return 404;',
  '  }',
  '}',
]

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => (line === '' ? '' : `  ${line}`))
}
