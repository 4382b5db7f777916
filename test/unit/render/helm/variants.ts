/** The values that a release may be told, one after another on the whole of a stack: each has to make valid manifests. */
import type { Values } from './release.ts'
import { presetStack } from './stacks.ts'

/** Everything that a stack can have. */
export const whole = presetStack('production', (file) => {
  file.tiers.queue = { component: 'redis' }
  file.tiers.metadata = { component: 'postgres', replicas: 3 }
  file.tiers.ui = { component: 'open-webui' }
  file.tiers.generate.autoscale = {
    min: 3,
    max: 8,
    schedule: [{ from: '0 8 * * 1-5', to: '0 18 * * 1-5', timezone: 'Europe/Berlin', replicas: 6 }],
  }
  file.tiers.embed.autoscale = { min: 2, max: 4 }
  file.tiers.gateway.autoscale = { min: 3, max: 8 }
  file.tiers.worker.autoscale = { min: 2, max: 16 }
})

export const variants = {
  'as it is': {},
  'replicas as written': { autoscaling: { provider: 'none' } },
  'autoscaled by HPA': {
    autoscaling: { provider: 'hpa' },
    tiers: { generate: { autoscaling: { schedule: [] } } },
  },
  'watched by the Prometheus operator': { monitoring: { enabled: true } },
  'an Ingress and pools': {
    routing: {
      provider: 'ingress',
      hosts: ['rag.example.com'],
      ingress: { className: 'haproxy', tlsSecret: 'rag-tls' },
    },
    tiers: { gateway: { pools: { retrieve: { replicas: 2 }, generate: { replicas: 4 } } } },
  },
  'the Gateway API and a canary': {
    routing: {
      provider: 'gateway-api',
      hosts: ['rag.example.com'],
      gateways: [{ name: 'public', namespace: 'gateways' }],
    },
    tiers: {
      gateway: {
        pools: { generate: { replicas: 2 } },
        next: { enabled: true, weight: 10, image: { tag: '0.2.0' } },
      },
    },
  },
  'Istio, without a balancer': {
    routing: {
      provider: 'istio',
      hosts: ['rag.example.com'],
      gateways: [{ name: 'public', namespace: 'istio-ingress' }],
    },
    tiers: { balancer: { enabled: false }, gateway: { next: { enabled: true, weight: 100 } } },
  },
  Linkerd: {
    routing: { provider: 'linkerd' },
    tiers: { gateway: { pools: { retrieve: { replicas: 2 } }, next: { enabled: true, weight: 5 } } },
  },
  'the official Qdrant': { vector: { mode: 'official' } },
  'models that are there already': {
    storage: { models: { existingClaim: 'models' } },
    prefetch: { enabled: false },
  },
  'no shared volume': { storage: { models: { enabled: false } } },
  'its own Secret': {
    secrets: {
      create: true,
      values: { 'qdrant-api-key': 'a', 'redis-password': 'b', 'postgres-password': 'c' },
    },
  },
  'everything else that a cluster asks for': {
    fullnameOverride: 'rag',
    imageRegistry: 'mirror.example/hub',
    imagePullSecrets: [{ name: 'pull' }],
    gpus: { spare: true, runtimeClassName: 'nvidia' },
    pods: {
      annotations: { a: 'b' },
      labels: { c: 'd' },
      nodeSelector: { disk: 'ssd' },
      priorityClassName: 'high',
      tolerations: [{ key: 'dedicated', operator: 'Exists' }],
    },
    tracing: { endpoint: 'http://collector.observability:4318' },
    networkPolicy: {
      frontDoor: [{ namespaceSelector: {} }],
      extraEgress: [{ ports: [{ port: 5432, protocol: 'TCP' }] }],
    },
    rbac: {
      operators: { enabled: true, subjects: [{ kind: 'ServiceAccount', name: 'ci', namespace: 'ci' }] },
    },
    tiers: {
      gateway: {
        extraEnv: [{ name: 'TZ', value: 'UTC' }],
        podLabels: { e: 'f' },
        serviceType: 'LoadBalancer',
        serviceAnnotations: { g: 'h' },
      },
      vector: { apart: 'preferred' },
    },
  },
} as const satisfies Readonly<Record<string, Values>>

export type Variant = keyof typeof variants
