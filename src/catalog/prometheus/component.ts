import { healthByWget } from '../busybox.ts'
import type { Component } from '../component.ts'
import type { Container } from '../container.ts'
import { gibibyte, resources } from '../resources.ts'

/** Go module github.com/prometheus/prometheus v0.316.0 of 2026-11-05 is release 3.16.0. */
const image = 'prom/prometheus:v3.16.0'

const port = 9090

function prometheusContainer(): Container {
  return {
    image: { reference: image, because: 'newest release in November 2026' },
    // In place of the image's default arguments, of which these are the first two.
    args: [
      '--config.file=/etc/prometheus/prometheus.yml',
      '--storage.tsdb.path=/prometheus',
      // A month is what a burn rate over 30 days looks back; the size ends it earlier rather than a full disk.
      '--storage.tsdb.retention.time=30d',
      '--storage.tsdb.retention.size=8GB',
    ],
    env: {},
    secrets: [],
    ports: { http: port },
    mounts: [{ name: 'prometheus-data', path: '/prometheus', kind: 'own', sizeBytes: 10 * gibibyte }],
    files: [],
    // The image is made on busybox (its Dockerfile).
    health: healthByWget(port, '/-/ready', 300),
    resources: resources({
      cpus: 0.25,
      memoryBytes: gibibyte / 2,
      because: 'about 3 KiB a series in memory; a stack of this size has some ten thousand',
    }),
    gpus: 0,
    sharedMemoryBytes: null,
    // It writes what it holds in memory to disk.
    stop: { graceSeconds: 120, preStopSeconds: 0 },
    root: false,
    // `nobody` in the image.
    user: '65534:65534',
    readOnly: true,
  }
}

export const prometheus: Component = {
  name: 'prometheus',
  title: 'Prometheus',
  fills: ['observability'],
  protocol: null,
  ports: { http: port },
  healthPath: '/-/ready',
  metricsPath: '/metrics',
  metrics: {},
  scales: 'replicas',
  deploy: prometheusContainer,
}
