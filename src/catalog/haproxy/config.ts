import {
  asked,
  type Balancing,
  connectSeconds,
  drainSeconds,
  maxConnections,
  type Pool,
  resolveSeconds,
  statusPort,
  type Upstream,
} from '../balancing.ts'
import { releaseHeader } from '../releases.ts'

/** Where HAProxy reads it, in its image. */
export const haproxyConfigPath = '/usr/local/etc/haproxy/haproxy.cfg'

/** Where its servers' addresses are told, and kept over a reload (`Component.reload`). */
export const statePort = 8405
export const statePath = '/tmp/haproxy.servers'

/** Valid for HAProxy 2.6 and later. */
export function haproxyConfig({ upstreams }: Balancing): string {
  const sections = [
    globalLines,
    resolversLines,
    defaultsLines,
    ...upstreams.flatMap((upstream) => [
      tierLines(upstream),
      ...upstream.pools.slice(1).map((pool) => nextLines(pool, upstream)),
      ...upstream.pools.map((pool) => chosenLines(pool, upstream)).filter((lines) => lines.length > 0),
    ]),
    statusLines,
    statsLines,
  ]
  return `${sections.map((lines) => lines.map(indented).join('\n')).join('\n\n')}\n`
}

const globalLines = [
  'global',
  'log stdout format raw local0 info',
  '# Else it is computed from the number of files that may be open, which in a container may be a thousand million.',
  `maxconn ${maxConnections}`,
  "# The machine's cores are not the container's; two threads pass on more than 10,000 requests a second.",
  'nbthread 2',
  '# After SIGUSR1: what is being answered may end, so much later the rest is cut off.',
  `hard-stop-after ${drainSeconds}s`,
  '# For an operator in the container: `set server embed/embed-1 state drain` through socat.',
  'stats socket /tmp/haproxy.sock mode 600 level admin',
  '# Before a reload the addresses of the replicas are read here and written there: the new process begins with them,',
  '# and has not to wait for DNS. From inside the container alone.',
  `stats socket ipv4@127.0.0.1:${statePort} level user`,
  `server-state-file ${statePath}`,
]

/** Intervals and periods in HAProxy's own words; `hold` is how long the last good answer counts. */
const resolversLines = [
  'resolvers replicas',
  "# The container's DNS server: 127.0.0.11 in Docker, the cluster's on Kubernetes.",
  'parse-resolv-conf',
  '# An answer with all replicas of a tier does not fit in 512 bytes.',
  'accepted_payload_size 8192',
  `timeout resolve ${resolveSeconds / 5}s`,
  'timeout retry 1s',
  'resolve_retries 3',
  `hold valid ${resolveSeconds}s`,
  `hold obsolete ${resolveSeconds}s`,
  `hold nx ${resolveSeconds}s`,
  '# A DNS server that is down or overwhelmed takes no replica away.',
  'hold other 60s',
  'hold refused 60s',
  'hold timeout 60s',
]

const defaultsLines = [
  'defaults',
  'mode http',
  'log global',
  'option dontlognull',
  'load-server-state-from-file global',
  'option forwardfor',
  '# A client that reuses its connection while this stops gets one more answer, which says so, and no reset.',
  'option idle-close-on-response',
  '# Another replica is asked when no connection could be made, so before anything was sent. What was sent is never',
  '# sent again, and 429 or 503 is an answer like any other: nothing here watches what requests get (`observe`).',
  'retries 2',
  'option redispatch 1',
  'retry-on conn-failure',
  'http-reuse safe',
  `timeout connect ${connectSeconds}s`,
  'timeout client 600s',
  'timeout client-fin 30s',
  'timeout tunnel 600s',
  'timeout http-request 60s',
  'timeout http-keep-alive 75s',
  'timeout queue 30s',
  '# A busy replica may be slow to say that it is well.',
  'timeout check 5s',
  'default-server check inter 2s fastinter 500ms downinter 1s rise 1 fall 3 init-addr last,none resolvers replicas resolve-prefer ipv4',
  '# Idle connections are given up before the servers do it, which is after 5 s (vLLM, Qdrant).',
  'default-server pool-purge-delay 2s',
  '# One JSON document a line. The path has no query string: what users ask stays out of logs. Times in milliseconds.',
  `log-format '${logFormat()}'`,
]

function logFormat(): string {
  const text = (name: string, value: string): string => `"${name}":"${value}"`
  const number = (name: string, value: string): string => `"${name}":${value}`
  const fields = [
    text('at', '%[date,utime(%Y-%m-%dT%H:%M:%SZ)]'),
    text('tier', '%f'),
    text('method', '%HM'),
    text('path', '%[var(txn.path),json(utf8s)]'),
    number('status', '%ST'),
    number('bytes', '%B'),
    text('server', '%s'),
    text('upstream', '%si:%sp'),
    text('state', '%tsc'),
    number('queue_ms', '%Tw'),
    number('connect_ms', '%Tc'),
    number('header_ms', '%Tr'),
    number('total_ms', '%Ta'),
    // `+1` where another server was asked.
    text('retries', '%rc'),
    text('request_id', '%[var(txn.request_id),json(utf8s)]'),
  ]
  return `{${fields.join(',')}}`
}

function tierLines(upstream: Upstream): string[] {
  const { tier, listen, pools, traffic } = upstream
  const [current, next] = pools
  return [
    // One section for clients and replicas: a frontend and a backend may not share a name from 3.3 on.
    `listen ${tier}`,
    `bind :${listen}`,
    ...(traffic.streams ? ['# Each token is passed on when it comes.', 'option http-no-delay'] : []),
    'http-request set-var(txn.path) path',
    'http-request set-header X-Request-Id %[uuid] unless { req.hdr(X-Request-Id) -m found }',
    'http-request set-var(txn.request_id) req.hdr(X-Request-Id)',
    'http-request set-header X-Forwarded-Proto http unless { req.hdr(X-Forwarded-Proto) -m found }',
    `http-request deny deny_status 413 if { req.body_size gt ${traffic.maxBodyBytes} }`,
    ...(next === undefined ? [] : splitLines(next)),
    ...(current.members === undefined ? [] : [`use_backend ${asked(current)}`]),
    ...serverLines(current, upstream),
  ]
}

/** The release that a request names, else its share of requests, whatever the number of replicas. */
function splitLines(next: Pool): string[] {
  const { share } = next
  const name = asked(next)
  return [
    `use_backend ${name} if { req.hdr(${releaseHeader}) -m str next }`,
    `use_backend ${name} if !{ req.hdr(${releaseHeader}) -m str current } { rand(100) lt ${share} }`,
    // Also of answers from the other pool, which say so themselves.
    `http-response set-header ${releaseHeader} current unless { res.hdr(${releaseHeader}) -m found }`,
  ]
}

function nextLines(pool: Pool, upstream: Upstream): string[] {
  const streams = upstream.traffic.streams ? ['option http-no-delay'] : []
  const release = `http-response set-header ${releaseHeader} next`
  return [`backend ${pool.name}`, release, ...streams, ...serverLines(pool, upstream)]
}

/**
 * While replicas come and go, those that serve; the others where none of these is well. The section of all goes on
 * being resolved and checked meanwhile, for the configuration that comes after.
 */
function chosenLines(pool: Pool, upstream: Upstream): string[] {
  const { name, host, port, members } = pool
  if (members === undefined) return []
  const isNext = pool !== upstream.pools[0]
  return [
    `backend ${asked(pool)}`,
    ...(isNext ? [`http-response set-header ${releaseHeader} next`] : []),
    ...(upstream.traffic.streams ? ['option http-no-delay'] : []),
    '# They are well: another one that had an address before may not have been.',
    'load-server-state-from-file none',
    ...backendLines(pool, upstream),
    'option allbackups',
    ...members.map((address) => `server ${address} ${address}:${port}`),
    `server-template ${name}- ${upstream.slots} ${host}:${port} backup`,
  ]
}

function serverLines(pool: Pool, upstream: Upstream): string[] {
  const { name, host, port } = pool
  const { slots } = upstream
  return [
    ...backendLines(pool, upstream),
    `# Room for ${slots}: DNS says how many there are.`,
    `server-template ${name}- ${slots} ${host}:${port}`,
  ]
}

function backendLines({ host }: Pool, { policy, healthPath, traffic }: Upstream): string[] {
  return [
    `balance ${policies[policy]}`,
    `timeout server ${traffic.silenceSeconds}s`,
    ...(healthPath === null
      ? []
      : [
          'option httpchk',
          `http-check send meth GET uri ${healthPath} ver HTTP/1.1 hdr Host ${host}`,
          // 429: it refuses work, so it is alive. 503 here, unlike on a request, says that it is not ready, or stops.
          'http-check expect rstatus ^(200|429)$',
        ]),
  ]
}

const policies = {
  'least-connections': 'leastconn',
  'round-robin': 'roundrobin',
  random: 'random(1)',
} as const satisfies Record<Upstream['policy'], string>

const statusLines = [
  'frontend status',
  `bind :${statusPort}`,
  'monitor-uri /healthz',
  'http-request set-log-level silent',
  '# Without the places that no replica has taken: most of them.',
  'http-request set-query no-maint if { path /metrics } { query -m len 0 }',
  'http-request use-service prometheus-exporter if { path /metrics }',
  'http-request return status 404',
]

const statsLines = [
  'frontend stats',
  '# The page from which an operator drains a replica: from inside the container alone.',
  'bind 127.0.0.1:8404',
  'http-request set-log-level silent',
  'stats enable',
  'stats uri /',
  'stats admin if TRUE',
]

function indented(line: string, index: number): string {
  return index === 0 ? line : `  ${line}`
}
