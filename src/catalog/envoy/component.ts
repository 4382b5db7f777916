import { drainSeconds, portsOf, statusPort } from '../balancing.ts'
import type { Component } from '../component.ts'
import type { Container, Deployment } from '../container.ts'
import { mebibyte, resources } from '../resources.ts'
import { adminPort, envoyConfig, envoyConfigPath } from './config.ts'
import { envoyObserved } from './observed.ts'

export const envoy: Component = {
  name: 'envoy',
  title: 'Envoy',
  fills: ['balancer'],
  protocol: null,
  ports: { http: 8080, status: statusPort },
  healthPath: '/healthz',
  metricsPath: '/metrics',
  metrics: {
    requests: 'envoy_cluster_upstream_rq_total',
    responses: 'envoy_cluster_upstream_rq_xx',
    inFlight: 'envoy_cluster_upstream_rq_active',
    replicas: 'envoy_cluster_membership_healthy',
    connectionErrors: 'envoy_cluster_upstream_cx_connect_fail',
    retries: 'envoy_cluster_upstream_rq_retry',
  },
  scales: 'replicas',
  deploy,
  observed: envoyObserved,
  balance: (balancing) => ({ path: envoyConfigPath, text: envoyConfig(balancing) }),
}

function deploy({ stack }: Deployment): Container {
  const { image } = stack.balancer
  return {
    image:
      image === undefined
        ? {
            reference: 'envoyproxy/envoy:v1.40.0',
            because: 'not the distroless one: draining and the health check need bash',
          }
        : { reference: image, because: 'balancer.image of ragscale.yaml' },
    command: ['bash', '-c', drainingScript()],
    env: {},
    secrets: [],
    ports: portsOf(stack),
    mounts: [],
    files: [],
    health: {
      http: { path: '/healthz', port: statusPort },
      // The image has no HTTP client; bash opens the connection.
      command: [
        'bash',
        '-c',
        `${asking(statusPort, 'GET /healthz')} && read -r _ status _ <&3 && [ "$status" = 200 ]`,
      ],
      livePath: null,
      startupSeconds: 20,
      intervalSeconds: 5,
      timeoutSeconds: 2,
      failures: 3,
    },
    resources: resources({
      cpus: 0.5,
      memoryBytes: 192 * mebibyte,
      memoryLimitBytes: 768 * mebibyte,
      because: '60 MiB, its statistics, and each request body that is being read whole',
    }),
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 15 + drainSeconds + 15, preStopSeconds: 15 },
    root: false,
    user: '101:101',
    readOnly: true,
  }
}

/**
 * Envoy ends at once on SIGTERM. Here a shell takes the signal: it has Envoy close its listeners, waits until the
 * tiers' requests have been answered, and ends it then. Written for bash, whose `wait` returns when a trap has run.
 */
export function drainingScript(program = 'envoy', configPath = envoyConfigPath): string {
  return [
    `${program} -c ${configPath} --concurrency 2 --disable-hot-restart & envoy=$!`,
    'ask() {',
    `  ${asking(adminPort, '$1')} && cat <&3`,
    '}',
    'drain() {',
    "  ask 'POST /healthcheck/fail' >/dev/null",
    "  ask 'POST /drain_listeners' >/dev/null",
    `  for ((second = 0; second < ${drainSeconds}; second++)); do`,
    "    ask 'GET /stats?filter=^http[.]tier_.*[.]downstream_rq_active$' | grep -q ': [1-9]' || break",
    '    sleep 1',
    '  done',
    '  kill "$envoy"',
    '}',
    'trap drain TERM INT',
    'wait "$envoy"',
    'while kill -0 "$envoy" 2>/dev/null; do wait "$envoy"; done',
  ].join('\n')
}

/** Bash that sends a request to this machine and leaves the answer to be read from 3. Envoy speaks no HTTP/1.0. */
function asking(port: number, request: string): string {
  const headers = 'Host: envoy\\r\\nConnection: close\\r\\n\\r\\n'
  return `exec 3<>/dev/tcp/127.0.0.1/${port} && printf '%s HTTP/1.1\\r\\n${headers}' "${request}" >&3`
}
