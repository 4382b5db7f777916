import { healthByWget } from '../busybox.ts'
import type { Component } from '../component.ts'
import type { Container } from '../container.ts'
import { gibibyte, mebibyte, resources } from '../resources.ts'

/** Newest release in September 2026; version 1 and its `all-in-one` image ended in December 2025. */
const image = 'jaegertracing/jaeger:2.21.0'

const ports = { http: 16686, grpc: 4317, otlp: 4318, health: 13133, metrics: 8888 }

function jaegerContainer(): Container {
  return {
    image: {
      reference: image,
      because: 'one process that takes, keeps and shows traces; they are gone when it stops',
    },
    // With no configuration it keeps the last 100,000 traces in memory: those of a load test, and of no month.
    args: [],
    env: {},
    secrets: [],
    ports,
    mounts: [{ name: 'jaeger-tmp', path: '/tmp', kind: 'memory', sizeBytes: 64 * mebibyte }],
    files: [],
    health: healthByWget(ports.health, '/status'),
    resources: resources({
      cpus: 0.25,
      memoryBytes: gibibyte,
      memoryLimitBytes: 2 * gibibyte,
      because: '100,000 traces of ten spans of about 1 KiB',
    }),
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 30, preStopSeconds: 0 },
    root: false,
    user: '10001:10001',
    readOnly: true,
  }
}

export const jaeger: Component = {
  name: 'jaeger',
  title: 'Jaeger',
  fills: ['observability'],
  protocol: null,
  ports,
  healthPath: null,
  metricsPath: '/metrics',
  metrics: {},
  scales: 'replicas',
  deploy: jaegerContainer,
}
