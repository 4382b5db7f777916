import { ExitCode, UserError } from '../../errors.ts'
import type { Stack } from '../../stack/stack.ts'
import { drainSeconds, portsOf, statusPort } from '../balancing.ts'
import { healthByWget } from '../busybox.ts'
import type { Component } from '../component.ts'
import type { Container, Deployment, Image } from '../container.ts'
import { isBefore, versionIn } from '../image-version.ts'
import { mebibyte, resources } from '../resources.ts'
import { haproxyConfig, haproxyConfigPath, statePath, statePort } from './config.ts'
import { haproxyObserved } from './observed.ts'

/** What the servers' addresses are, for the process that takes over: it would else begin without any, and answer 503. */
const keepServers = `echo "show servers state" | nc 127.0.0.1 ${statePort} > ${statePath}`

export const haproxy: Component = {
  name: 'haproxy',
  title: 'HAProxy',
  fills: ['balancer'],
  protocol: null,
  ports: { http: 8080, status: statusPort },
  healthPath: '/healthz',
  metricsPath: '/metrics',
  metrics: {
    requests: 'haproxy_frontend_http_requests_total',
    responses: 'haproxy_frontend_http_responses_total',
    inFlight: 'haproxy_backend_current_sessions',
    replicas: 'haproxy_backend_active_servers',
    connectionErrors: 'haproxy_backend_connection_errors_total',
    retries: 'haproxy_backend_retry_warnings_total',
  },
  scales: 'replicas',
  deploy,
  observed: haproxyObserved,
  reload: { prepare: ['sh', '-c', keepServers], signal: 'SIGUSR2', flag: '-f' },
  balance: (balancing) => ({ path: haproxyConfigPath, text: haproxyConfig(balancing) }),
}

function deploy({ stack }: Deployment): Container {
  return {
    image: imageOf(stack),
    // Without the image's entrypoint: the master process, of which reloading has need, is kept by `-W`.
    command: ['haproxy', '-W', '-db', '-f', haproxyConfigPath],
    env: {},
    secrets: [],
    ports: portsOf(stack),
    mounts: [],
    files: [],
    // A balancer comes up at once, and every second that it is away counts.
    health: { ...healthByWget(statusPort, '/healthz', 10), intervalSeconds: 5, timeoutSeconds: 2 },
    resources: resources({
      cpus: 0.5,
      memoryBytes: 128 * mebibyte,
      memoryLimitBytes: 512 * mebibyte,
      because: '20 MiB, and two buffers of 16 KiB for each of up to 8,192 connections',
    }),
    gpus: 0,
    sharedMemoryBytes: null,
    // The image stops by SIGUSR1: no new connections, answers that are being given end.
    stop: { graceSeconds: 15 + drainSeconds + 15, preStopSeconds: 15 },
    root: false,
    user: '99:99',
    readOnly: true,
  }
}

function imageOf({ balancer }: Stack): Image {
  if (balancer.image === undefined) {
    return {
      reference: 'haproxy:3.2.21-alpine',
      because:
        'long-term branch (until 2030; July 2026), with the Prometheus exporter; its user is 99, not root',
    }
  }
  refuseBroken(balancer.image)
  return { reference: balancer.image, because: 'balancer.image of ragscale.yaml' }
}

/**
 * In 3.2.0 and 3.2.1 least connections does not come back when the replica that a request is to be sent away from is
 * the only one left, and the watchdog ends the process (haproxy issue 3004, mended on 20 June 2025).
 */
function refuseBroken(image: string): void {
  const version = versionIn(image)
  if (version === null) return
  const old = isBefore(version, [2, 6, 0])
  const broken = !isBefore(version, [3, 2, 0]) && isBefore(version, [3, 2, 2])
  if (!old && !broken) return
  const because = old
    ? 'is older than HAProxy 2.6, for which the configuration is written'
    : 'ends itself when a replica cannot be reached (haproxy issue 3004)'
  throw new UserError(`balancer.image: ${image} ${because}`, {
    hint: 'Take HAProxy 3.2.2 or later, or leave `balancer.image` out.',
    exitCode: ExitCode.usage,
    code: 'config',
  })
}
