import { ExitCode, UserError } from '../../errors.ts'
import type { Stack } from '../../stack/stack.ts'
import { drainSeconds, portsOf, statusPort } from '../balancing.ts'
import { healthByWget } from '../busybox.ts'
import type { Component } from '../component.ts'
import type { Container, Deployment, Image } from '../container.ts'
import { isBefore, versionIn } from '../image-version.ts'
import { mebibyte, resources } from '../resources.ts'
import { nginxConfig, nginxConfigPath } from './config.ts'

export const nginx: Component = {
  name: 'nginx',
  title: 'nginx',
  fills: ['balancer'],
  protocol: null,
  ports: { http: 8080, status: statusPort },
  healthPath: '/healthz',
  // `/status` is stub_status, which Prometheus does not read without an exporter.
  metricsPath: null,
  metrics: {},
  scales: 'replicas',
  deploy,
  reload: { signal: 'SIGHUP', flag: '-c' },
  balance: (balancing) => ({ path: nginxConfigPath, text: nginxConfig(balancing) }),
}

function deploy({ stack }: Deployment): Container {
  return {
    image: imageOf(stack),
    // Without the image's entrypoint, which edits a configuration that is not ours.
    command: ['nginx', '-g', 'daemon off;'],
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
      because:
        'two processes of 10 MiB; 128 KiB for each request body that is being read, larger ones in /tmp',
    }),
    gpus: 0,
    sharedMemoryBytes: null,
    // The image stops by SIGQUIT: no new connections, answers that are being given end.
    stop: { graceSeconds: 15 + drainSeconds + 15, preStopSeconds: 15 },
    root: false,
    user: '101:101',
    readOnly: true,
  }
}

function imageOf({ balancer }: Stack): Image {
  if (balancer.image === undefined) {
    return {
      reference: 'nginxinc/nginx-unprivileged:1.30.4-alpine-slim',
      because: 'stable branch (July 2026); its user is 101, not root, and it stops by SIGQUIT',
    }
  }
  refuseWithoutResolve(balancer.image)
  return { reference: balancer.image, because: 'balancer.image of ragscale.yaml' }
}

/**
 * `keepalive_min_timeout`, without which a reload loses requests, came with 1.27.4 (February 2025), and `resolve`, without
 * which nginx keeps the first addresses for ever, with 1.27.3.
 */
function refuseWithoutResolve(image: string): void {
  const version = versionIn(image)
  if (version === null || !isBefore(version, [1, 27, 4])) return
  throw new UserError(
    `balancer.image: ${image} is older than nginx 1.27.4 and cannot follow replicas that come and go`,
    {
      hint: 'Take nginx 1.27.4 or later, or leave `balancer.image` out.',
      exitCode: ExitCode.usage,
      code: 'config',
    },
  )
}
