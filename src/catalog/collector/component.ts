import type { Component } from '../component.ts'
import type { Container } from '../container.ts'
import { mebibyte, resources } from '../resources.ts'

/** Go module github.com/open-telemetry/opentelemetry-collector-contrib v0.160.0. */
const image = 'otel/opentelemetry-collector-contrib:0.160.0'

function collectorContainer(): Container {
  return {
    image: {
      reference: image,
      because: 'contrib, whose memory limiter and health check the configuration uses',
    },
    // Where the image looks for it by itself.
    args: ['--config=/etc/otelcol-contrib/config.yaml'],
    env: {},
    secrets: [],
    ports: { grpc: 4317, http: 4318, metrics: 8888, health: 13133 },
    mounts: [],
    files: [],
    // The image is made from scratch: it has no shell and nothing that could ask.
    health: null,
    resources: resources({
      cpus: 0.25,
      memoryBytes: 256 * mebibyte,
      because: 'its memory limiter refuses spans before the limit is reached',
    }),
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 30, preStopSeconds: 0 },
    root: false,
    user: '10001:10001',
    readOnly: true,
  }
}

/** OpenTelemetry's collector: spans from our services and vLLM, batched, to Jaeger. */
export const collector: Component = {
  name: 'collector',
  title: 'OpenTelemetry Collector',
  fills: ['observability'],
  protocol: null,
  ports: { grpc: 4317, http: 4318, metrics: 8888, health: 13133 },
  healthPath: null,
  metricsPath: '/metrics',
  metrics: {},
  scales: 'replicas',
  deploy: collectorContainer,
}
