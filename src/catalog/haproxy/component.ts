import { drainSeconds, portsOf, statusPort } from '../balancing.ts'
import type { Component } from '../component.ts'
import type { Container, Deployment } from '../container.ts'
import { mebibyte, resources } from '../resources.ts'
import { haproxyConfig, haproxyConfigPath } from './config.ts'
import { haproxyObserved } from './observed.ts'

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
  balance: (balancing) => ({ path: haproxyConfigPath, text: haproxyConfig(balancing) }),
}

function deploy({ stack }: Deployment): Container {
  const { image } = stack.balancer
  return {
    image:
      image === undefined
        ? {
            reference: 'haproxy:3.2.21-alpine',
            because:
              'long-term branch (until 2030; July 2026), with the Prometheus exporter; its user is 99, not root',
          }
        : { reference: image, because: 'balancer.image of ragscale.yaml' },
    // Without the image's entrypoint: the master process, of which reloading has need, is kept by `-W`.
    command: ['haproxy', '-W', '-db', '-f', haproxyConfigPath],
    env: {},
    secrets: [],
    ports: portsOf(stack),
    mounts: [],
    files: [],
    health: {
      http: { path: '/healthz', port: statusPort },
      // Busybox's, which the image has.
      command: ['wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${statusPort}/healthz`],
      livePath: null,
      startupSeconds: 10,
      intervalSeconds: 5,
      timeoutSeconds: 2,
      failures: 3,
    },
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
